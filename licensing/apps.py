"""Registers licensing, for its migrations and commands."""

from importlib import import_module

from django.apps import AppConfig


class LicensingConfig(AppConfig):
    """What may happen, and what did."""

    name = "licensing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Django copies psycopg's adapters as it first connects: the store's have to be there."""
        import_module("licensing.store")
