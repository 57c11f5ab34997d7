"""Django's settings, all read from the environment once, here."""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog
from csp.constants import NONE, SELF

from timeline.embedded import Server

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("PLAYHEAD_HOME") or BASE_DIR / ".playhead").resolve()


def refuse(reason: str) -> NoReturn:
    """End with one line: a wrong setting is the person's to mend, not a fault to trace."""
    raise SystemExit(f"playhead: {reason}")


def whole_number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit()):
        refuse(f"{name} must be a whole number, not {text!r}")
    return int(text)


def kept_secret(variable: str, name: str) -> str:
    """A secret from the environment, or one of this installation's own, made on first use."""
    if given := os.environ.get(variable):
        return given
    path = HOME / name
    try:
        if not path.exists():
            HOME.mkdir(parents=True, exist_ok=True)
            beside = HOME / f"{name}.{os.getpid()}"
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(48))
            # A link is made whole and by one process only; the others take the winner's.
            with suppress(FileExistsError):
                os.link(beside, path)
            beside.unlink()
        key = path.read_text().strip()
    except OSError as error:
        refuse(f"cannot keep the {name.replace('_', ' ')} in {path}: {error.strerror}")
    return key or refuse(f"{path} is empty: delete it, then start again")


def database(url: str, *, pool: int = 0, statement_timeout_ms: int = 0) -> dict[str, Any]:
    """One of Django's DATABASES from a URL; `?host=/folder` means a Unix socket there."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    options: dict[str, Any] = {
        "connect_timeout": 2,
        "application_name": "playhead",
        "options": f"-c statement_timeout={statement_timeout_ms} -c lock_timeout=2000"
        " -c idle_in_transaction_session_timeout=60000",
    }
    if sslmode := query.get("sslmode"):
        options["sslmode"] = sslmode
    if pool:
        # Below the two seconds within which a request must be answered without a database.
        options["pool"] = {
            "min_size": 1, "max_size": pool, "timeout": 0.9, "reconnect_timeout": 1,
        }  # fmt: skip
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "playhead",
        "USER": unquote(parts.username or query.get("user", "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host") or unquote(parts.hostname or ""),
        "PORT": str(parts.port or query.get("port", "")),
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
    }


def conninfo(config: dict[str, Any]) -> str:
    """The libpq form of one of DATABASES."""
    names = {
        "HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password",
    }  # fmt: skip
    quoted = {
        name: str(config[key]).replace("\\", "\\\\").replace("'", "\\'")
        for key, name in names.items()
        if config[key]
    }
    return " ".join(f"{name}='{value}'" for name, value in quoted.items())


PORT = whole_number("PLAYHEAD_PORT", 8000)
# No more threads of a web process than connections in its pool, nor than its server calls sensible.
WEB_THREADS = min(8, 2 * (os.cpu_count() or 1) + 1)
# Beside them, for requests that wait for their client and hold no connection: so many may wait for
# a body to come, and so many have commands in bulk.
BODY_SEATS = 2
BULK_SEATS = 2
SECRET_KEY = kept_secret("PLAYHEAD_SECRET_KEY", "secret_key")
# What personal data is encrypted under; whoever loses it has erased everybody.
DATA_KEY = kept_secret("PLAYHEAD_DATA_KEY", "data_key")
DEBUG = os.environ.get("PLAYHEAD_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("PLAYHEAD_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("PLAYHEAD_ORIGINS", "").split(",") if o]
# What the pages show is a demonstration; each of them says so.
DEMO_DATA = os.environ.get("PLAYHEAD_DEMO", "1" if (HOME / "demo.json").exists() else "0") == "1"
# How many proxies of ours stand before the product; each adds an address to X-Forwarded-For.
PROXIES = whole_number("PLAYHEAD_PROXIES", 0)
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
# In production: as soon as another machine may come, it comes over HTTPS; PLAYHEAD_HTTPS=0 says
# that a network of one's own does without.
_ELSEWHERE = not LOCAL_HOSTS.issuperset(ALLOWED_HOSTS) or any(
    origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS
)
HTTPS = os.environ.get("PLAYHEAD_HTTPS", "1" if _ELSEWHERE else "0") == "1"

INSTALLED_APPS = [
    # Without looking for what to register: timeline/administration says that.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "axes",
    "licensing",
    "projections",
    "timeline",
]

MIDDLEWARE = [
    # Before whatever may answer by itself: files, redirects, what is refused.
    "timeline.middleware.Headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "timeline.middleware.RefuseLarge",
    "timeline.middleware.AwaitBodies",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "timeline.middleware.SayUnavailable",
    "timeline.own_writes.ReadYourWrites",
    "timeline.middleware.DefaultDeny",
    "timeline.middleware.RefuseOtherSites",
]

ROOT_URLCONF = "timeline.urls"
WSGI_APPLICATION = "timeline.wsgi.application"
ASGI_APPLICATION = "timeline.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "timeline.context.frame",
                "timeline.context.support",
                "timeline.own_writes.frame",
            ],
        },
    }
]

# The database: the application's role for work, the owner's role for migrations
# Without an address it is the embedded server of this data folder, so that a command typed
# beside a running `make run` finds it.
ADDRESSES = os.environ if os.environ.get("DATABASE_URL") else Server(HOME).addresses.environment()
DATABASE_URL = ADDRESSES["DATABASE_URL"]
DATABASE_OWNER_URL = ADDRESSES.get("DATABASE_OWNER_URL", DATABASE_URL)
DATABASES = {
    "default": database(
        DATABASE_URL,
        pool=whole_number("PLAYHEAD_DB_POOL", 0),
        statement_timeout_ms=whole_number("PLAYHEAD_STATEMENT_TIMEOUT_MS", 60_000),
    ),
    "owner": database(DATABASE_OWNER_URL),
}

# Celery: hints only; what must happen is in PostgreSQL
BROKER_CONN = ADDRESSES.get("PLAYHEAD_BROKER_CONN") or conninfo(DATABASES["default"])
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or "pgmq://localhost"
TASK_LIMIT_S = 20
# More than two tasks at their limit, less than the minute within which lost work is done again.
VISIBILITY_S = 45
if CELERY_BROKER_URL.startswith("pgmq:"):
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        # Said explicitly, because the client would otherwise read DATABASE_URL and take its role.
        "conn_string": BROKER_CONN,
        "init_extension": False,
        "use_notify": True,
        "notify_throttle_interval_ms": 0,
        "wait_time_seconds": 0,
        # When a worker that has all in hand that it may looks again. With the default of a second,
        # a pool of one process took one message a second, and the beat's ticks went stale.
        "polling_interval": 0.25,
        "visibility_timeout": VISIBILITY_S,
        "pool_size": 2,
        "pool_timeout": 2,
    }
elif CELERY_BROKER_URL.startswith(("redis:", "rediss:")):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": VISIBILITY_S,
        # How often a worker looks for what others hold longer than that. By default it is every
        # tenth time of every ten seconds: what a lost worker held came again after 104 s.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 30,  # a worker that is lost while it looks keeps nobody from it
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
    # A worker that was stopped says nothing; after two of these its messages go to another.
    CELERY_BROKER_HEARTBEAT = 15
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_DEFAULT_QUEUE = "playhead"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# What a lost child had in hand goes back to the broker after so long, not after ten seconds: a task
# that ends its process is given up after five times, and what waits behind it waits no minute.
CELERY_WORKER_LOST_WAIT = 2.0
CELERY_TASK_SOFT_TIME_LIMIT = 15
CELERY_TASK_TIME_LIMIT = TASK_LIMIT_S
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# How many sweeps may work side by side when much is due; each takes one of a worker's processes.
SWEEPERS = max(1, whole_number("PLAYHEAD_SWEEPERS", 1))
# How many buckets of the log may share a transaction of the read models; 1 where they are
# distributed over several servers, which would have to agree on it.
BUCKETS_TOGETHER = max(1, whole_number("PLAYHEAD_BUCKETS_TOGETHER", 64))

# Who may sign in
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_HANDLER = "timeline.locks.Handler"
NAME_FAILURE_LIMIT = 30
# Who signed in stands in the audit trail.
AXES_DISABLE_ACCESS_LOG = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "timeline.locks.locked"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "timeline.requests.address_of"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL
SESSION_COOKIE_AGE = 10 * 60 * 60
SESSION_IDLE_AGE = 30 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "timeline.views.errors.no_token"

# How many requests a second; each web process counts by itself (timeline/limits.py)
KEY_RATE = max(1, whole_number("PLAYHEAD_KEY_RATE", 50))
USER_RATE = max(1, whole_number("PLAYHEAD_USER_RATE", 30))
SIGN_IN_RATE = 5

# What support may do alone: actions in a day (UTC); the size of an allowance, how long it may run
# and how many may count at once; licenses of a title or a studio to take back. Beyond it a second
# person agrees, within so many hours.
ACTIONS_PER_DAY = whole_number("PLAYHEAD_ACTIONS_PER_DAY", 100)
ALLOWANCE_AMOUNT = whole_number("PLAYHEAD_ALLOWANCE_AMOUNT", 2)
ALLOWANCE_HOURS = whole_number("PLAYHEAD_ALLOWANCE_HOURS", 168)
ALLOWANCE_DAYS = whole_number("PLAYHEAD_ALLOWANCE_DAYS", 60)
ALLOWANCES_AT_ONCE = whole_number("PLAYHEAD_ALLOWANCES_AT_ONCE", 3)
WITHDRAW_ALONE = whole_number("PLAYHEAD_WITHDRAW_ALONE", 100)
APPROVAL_HOURS = whole_number("PLAYHEAD_APPROVAL_HOURS", 48)

# The browser's rules
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if HTTPS:
    # The proxy before us ends HTTPS, and has to set this header itself, whatever a client sent.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    # Names that a browser takes from this very host only, and over HTTPS only.
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    # To be in the browsers' own lists is for the owner of the domain to say, not for one host.
    SILENCED_SYSTEM_CHECKS = ["security.W021"]
    # Pages are led to HTTPS. A tool is refused, so that it notices that its key went in plain text;
    # whoever asks whether we are well asks from beside us.
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^api/", "^(healthz|readyz|metrics)$"]

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Our own and no application's: the administration's pages are in the product's frame.
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "timeline.staticfiles.Storage"},
}

# Time, language, limits, words in the log
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
DATETIME_FORMAT = "Y-m-d H:i"
LANGUAGE_CODE = "en-us"
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024


def without_trace(record: logging.LogRecord) -> bool:
    """Takes the trace off what a request is refused for: it is the caller's doing, and no fault."""
    refused = record.name == "django.request" and record.levelno < logging.ERROR
    if refused or record.name.startswith("django.security."):
        record.exc_info = record.exc_text = None
    return True


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {
        "news": {
            # "Not ready" is an answer that is asked for twice a second while starting, not a fault.
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: "/readyz" not in record.getMessage(),
        },
        "plain": {"()": "django.utils.log.CallbackFilter", "callback": without_trace},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["news", "plain"],
        }
    },
    "root": {
        "handlers": ["stderr"],
        "level": os.environ.get("PLAYHEAD_LOG_LEVEL", "INFO").upper(),
    },
    "loggers": {
        "celery": {"level": "WARNING"},
        "pgmq": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "psycopg.pool": {"level": "ERROR"},
    },
}
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["event"]),
    ],
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
