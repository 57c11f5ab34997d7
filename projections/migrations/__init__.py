"""The tables of the read models, as SQL that Django runs."""
