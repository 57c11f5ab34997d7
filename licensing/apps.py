"""Registers licensing, for its migrations and commands."""

from django.apps import AppConfig


class LicensingConfig(AppConfig):
    """What may happen, and what did."""

    name = "licensing"
    default_auto_field = "django.db.models.BigAutoField"
