"""Django's admin for what is no event: people, roles, keys, the catalogue, who members are."""
