"""A believable history for a first look, lived through the command service."""
