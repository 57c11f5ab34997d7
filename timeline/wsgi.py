"""The WSGI entry of the web process."""

import os

# Threads of the web share a few connections, and no request may hold one for long. Every other
# process is a single thread with one connection, and its statements may run longer.
os.environ.setdefault("PLAYHEAD_DB_POOL", "8")
os.environ.setdefault("PLAYHEAD_STATEMENT_TIMEOUT_MS", "3000")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timeline.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
