"""Django's settings, all of them derived from the station's configuration."""

from __future__ import annotations

import socket
from importlib.metadata import version
from typing import Any

import psutil

from core.broker.queues import STATION_QUEUE, key_prefix
from skycam_project.config import load_config
from skycam_project.config.database import celery_broker, django_database
from skycam_project.config.layers import CONFIG_VARIABLE
from skycam_project.config.model import VARIABLES
from skycam_project.config.network import is_everywhere, is_loopback
from skycam_project.config.redaction import secrets_of
from skycam_project.periodic import TASKS, beat_schedule
from skycam_project.shipped_files import shipped_file

STATION = load_config()
DAY_S = 86_400
YEAR_S = 365 * DAY_S


def bracketed(host: str) -> str:
    """A host as written in a URL: an IPv6 address has brackets."""
    return f"[{host}]" if ":" in host else host


def names_of(host: str) -> list[str]:
    """The names and addresses by which a client reaches a server that listens on `host`."""
    if not is_everywhere(host):
        return [bracketed(host)]
    interfaces = [entry for entries in psutil.net_if_addrs().values() for entry in entries]
    addresses = [entry.address for entry in interfaces if entry.family in {socket.AF_INET, socket.AF_INET6}]
    name = socket.gethostname()
    return [name, f"{name.partition('.')[0]}.local", *(bracketed(address.partition("%")[0]) for address in addresses)]


# Access
SECRET_KEY = STATION.web.secret_key
# The configuration refuses it together with TLS, proxies and other names.
DEBUG = STATION.web.debug and is_loopback(STATION.web.host)
LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = list(dict.fromkeys([*STATION.web.allowed_hosts, *LOOPBACK_NAMES, *names_of(STATION.web.host)]))
AUTH_USER_MODEL = "access.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "sign-in"

SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = STATION.web.session_idle_s
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# Browsers share cookies between ports, and two stations on one machine must not sign each other out.
SESSION_COOKIE_NAME = f"skycam_session_{STATION.station.id}"
CSRF_COOKIE_NAME = f"skycam_csrf_{STATION.station.id}"
KNOWN_BROWSER_COOKIE = f"skycam_known_{STATION.station.id}"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = STATION.web.tls
# Probes of containers and load balancers ask the web server itself, without TLS, and follow no redirect.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
SECURE_HSTS_SECONDS = YEAR_S if STATION.web.tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = STATION.web.tls
# HSTS preloading is permanent in browsers: that is the domain owner's decision.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
CSRF_TRUSTED_ORIGINS = (
    [f"https://{f'*{host}' if host.startswith('.') else host}" for host in ALLOWED_HOSTS if host != "*"]
    if STATION.web.tls
    else []
)

# Apps and middleware
INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "skycam_project.access",
    "core",
    "monitoring",
    "cameras",
    "captures",
    "scheduler",
]
# The policy comes right after SecurityMiddleware, so that static files and errors have it too. Static files come before
# the session and the user, so that they cost no query, and before no_store, because browsers may keep them. The first
# and the last measure the requests for Prometheus.
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "skycam_project.pages.response_headers.ContentSecurityPolicyMiddleware",
    "skycam_project.pages.page_files.StaticFilesMiddleware",
    "skycam_project.pages.response_headers.NoStoreMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "skycam_project.access.authentication.SessionRenewalMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "skycam_project.pages.preferences.TimeZoneMiddleware",
    "core.idempotency.view.KeyRefusalMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "skycam_project.urls"
ASGI_APPLICATION = "skycam_project.asgi.application"
TEMPLATE_LOADERS = [
    "skycam_project.pages.page_files.UnindentedLoader",
    "django.template.loaders.app_directories.Loader",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [shipped_file("templates")],
        "OPTIONS": {
            "loaders": [("django.template.loaders.cached.Loader", TEMPLATE_LOADERS)],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "skycam_project.pages.context.shell",
            ],
            # Nearly all templates use these, so none loads them.
            "builtins": [
                "core.templatetags.skycam",
                "core.templatetags.components",
                "django.templatetags.static",
            ],
        },
    }
]
FORM_RENDERER = "core.pages.FormRenderer"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Not reached in the web part: BodyLimit refuses bodies above 1 MiB earlier.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

STATIC_URL = "/static/"
STATIC_ROOT = None
STATICFILES_DIRS = [folder for folder in [shipped_file("static")] if folder.is_dir()]
# There is no collectstatic step: files are served from where they are.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "skycam_project.pages.page_files.HashedStaticFilesStorage"},
}

# Storage
DATABASES: dict[str, dict[str, Any]] = {"default": django_database(STATION.database_url, STATION.data)}
# Not signed cookies or the cache: access/services.py ends a sign-in by deleting its row, and sign-ins outlive the
# broker.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        # A list: Django splits a text at commas, which a password may contain.
        "LOCATION": [STATION.redis_url],
        "KEY_PREFIX": f"{STATION.station.id}:cache",
        "OPTIONS": {
            "serializer": "skycam_project.json_cache.JsonSerializer",
            "pool_class": "core.broker.broker.CircuitBreakerPool",
            "socket_connect_timeout": 1,
            "socket_timeout": 1,
        },
    }
}

# The API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "skycam_project.access.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["skycam_project.access.authentication.RolePermission"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "skycam_project.json_renderer.JsonNegotiation",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PARSER_CLASSES": ["skycam_project.json_renderer.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "skycam_project.operation_schema.OperationSchema",
    "EXCEPTION_HANDLER": "core.api.exceptions.problem_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Skycam",
    "DESCRIPTION": "Cameras that must not miss anything: control, captures, sessions, events.",
    "VERSION": version("skycam"),
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/", "description": "The station that serves this document."}],
    "POSTPROCESSING_HOOKS": ["skycam_project.openapi.complete_operations"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# Celery: commands to cameras and jobs. With the broker down, sending fails within a second.
BROKER = celery_broker(STATION.redis_url)
RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
CELERY_APP = "skycam_project.celery.app"
CELERY_BROKER_URL = BROKER["broker_url"]
CELERY_BROKER_USE_SSL = BROKER.get("broker_use_ssl")
# With Celery's default the worker would exit after 100 attempts.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker that refuses writes counts as down. Otherwise the worker would exit, and its cameras with it.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Several stations may share a broker.
    "global_keyprefix": key_prefix(STATION.station.id),
    "socket_connect_timeout": 1,
    "retry_on_timeout": False,
}
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = 1
# With the defaults of these retries apply_async blocked its request for 19 s while the broker was down.
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {
    "retry_policy": {"max_retries": 1, "timeout": 1.0},
    "global_keyprefix": key_prefix(STATION.station.id),
}
# Results of commands only (cameras/tasks.py).
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
CELERY_REDIS_BACKEND_USE_SSL = CELERY_BROKER_USE_SSL
CELERY_RESULT_EXPIRES = 3600
CELERY_TASK_PUBLISH_RETRY_POLICY = RETRY_ONCE
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = STATION_QUEUE
CELERY_TASK_ANNOTATIONS = {"*": {"expires": DAY_S}}
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_CONSUMER = "skycam_project.celery_extensions:FastReconnectConsumer"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Not prefork, Celery's default: it hung at exit (measured with Celery 5.7).
CELERY_WORKER_POOL = "skycam_project.celery_extensions:RestartableThreads"
CELERY_WORKER_CONCURRENCY = 4
CELERY_WORKER_POOL_RESTARTS = True
# Celery would replace the handlers of LOGGING, whose formatter redacts secrets.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Celery would redirect the stderr of threads to its logger, and a thread that dies would leave no traceback.
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TIMEZONE = "UTC"
# Celery must not close a thread's connection after a number of tasks: skycam_project/celery.py replaces broken ones.
CELERY_DB_REUSE_MAX = 1_000_000_000
# All that the station does periodically; beat sends the tasks that one process of the station does.
PERIODIC_TASKS = TASKS
CELERY_BEAT_SCHEDULE = beat_schedule()

# The variables that the child process of a job gets: those of the configuration.
JOB_ENVIRONMENT = frozenset({*VARIABLES, CONFIG_VARIABLE, "DJANGO_SETTINGS_MODULE"} - {"SKYCAM_ADMIN_PASSWORD"})

# Logs: one line per record to stderr, where the launcher collects them
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "skycam_project.logs.formatter_of",
            "log_format": STATION.logging.format,
            "secrets": secrets_of(STATION),
        }
    },
    "filters": {
        "one line": {"()": "skycam_project.logs.WithoutTraceback"},
        "response status": {"()": "skycam_project.logs.ResponseStatus"},
    },
    "handlers": {
        "stderr": {
            "class": "core.limits.repeats.RepeatLimitingHandler",
            "formatter": "line",
            "shorten": "ext://core.outages.shorten_outage",
        }
    },
    "root": {"handlers": ["stderr"], "level": STATION.logging.level},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        # At INFO these log every command, which would bury what matters.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "django.request": {"filters": ["response status"]},
        "django.security.DisallowedHost": {"filters": ["one line"]},
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
