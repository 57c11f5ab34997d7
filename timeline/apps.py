"""The Django application of the pages, the API and the running of the product."""

from django.apps import AppConfig


class TimelineConfig(AppConfig):
    name = "timeline"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What listens to signing in and out has to be there before anybody does."""
        from timeline import audit, sessions  # noqa: F401
