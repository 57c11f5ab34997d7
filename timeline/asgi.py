"""The ASGI entry of the web process, for servers that speak only that."""

import os

os.environ.setdefault("PLAYHEAD_DB_POOL", "8")
os.environ.setdefault("PLAYHEAD_STATEMENT_TIMEOUT_MS", "3000")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timeline.settings")

from django.core.asgi import get_asgi_application

application = get_asgi_application()
