"""The product people open, and the Django project around it."""

from timeline.celery import app as celery_app

__all__ = ["celery_app"]
