"""The product's settings for the tests: a throw-away home, a server of its own, cheap passwords."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from timeline import embedded

TEST_HOME = Path(tempfile.mkdtemp(prefix="playhead-tests-")).resolve()
atexit.register(shutil.rmtree, TEST_HOME, ignore_errors=True)
# Set before the settings are read; the server is started on these addresses by conftest.
# Durability is given up for speed: this server's data does not outlive the tests.
SERVER = embedded.Server(
    TEST_HOME, options=("fsync=off", "full_page_writes=off", "synchronous_commit=off")
)
os.environ |= SERVER.addresses.environment()
os.environ |= {"PLAYHEAD_HOME": str(TEST_HOME), "PLAYHEAD_DB_POOL": "0"}
for inherited in ("PLAYHEAD_PORT", "PLAYHEAD_HOSTS", "PLAYHEAD_ORIGINS", "CELERY_BROKER_URL"):
    os.environ.pop(inherited, None)

from timeline.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
AXES_ENABLED = False
# The tests of the limits set some.
KEY_RATE = USER_RATE = SIGN_IN_RATE = 1_000_000
