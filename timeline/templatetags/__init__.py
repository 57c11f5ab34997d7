"""Tags of the templates, one file each."""
