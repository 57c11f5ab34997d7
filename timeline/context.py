"""What the frame of every page shows, whichever view made it."""

from django.conf import settings
from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, bool]:
    """`demo_data`: whether the histories are a demonstration's."""
    return {"demo_data": settings.DEMO_DATA}
