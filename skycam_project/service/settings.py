"""Django settings of the service part: the station's database and broker, without its pages and sign-in."""

from __future__ import annotations

from skycam_project import settings as station
from skycam_project.shipped_files import shipped_file

STATION = station.STATION
SECRET_KEY = station.SECRET_KEY
DEBUG = False
# Without a token, * would let a page reach the service by DNS rebinding: it applies to the web part only.
OTHER_NAMES = [name for name in STATION.web.allowed_hosts if name != "*" or STATION.service.token]
ALLOWED_HOSTS = list(
    dict.fromkeys([*station.LOOPBACK_NAMES, *station.names_of(STATION.service.listens_on), *OTHER_NAMES])
)
AUTH_USER_MODEL = station.AUTH_USER_MODEL
APPEND_SLASH = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "corsheaders",
    "drf_spectacular_sidecar",
    "skycam_project.access",
    "core",
    "monitoring",
    "cameras",
    "captures",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "skycam_project.pages.response_headers.ContentSecurityPolicyMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "captures.pixelink_service.access.AccessMiddleware",
    "skycam_project.pages.page_files.StaticFilesMiddleware",
]
ROOT_URLCONF = "captures.pixelink_service.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [shipped_file("templates")],
        # Its only template uses no other tag of ours.
        "OPTIONS": {"builtins": ["django.templatetags.static"]},
    }
]
SECURE_CONTENT_TYPE_NOSNIFF = True
CORS_ALLOWED_ORIGINS = STATION.service.allowed_origins
CORS_ALLOW_METHODS = ("GET", "POST", "PUT", "OPTIONS")

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = station.LANGUAGE_CODE
DEFAULT_AUTO_FIELD = station.DEFAULT_AUTO_FIELD
STATIC_URL = station.STATIC_URL
STATICFILES_DIRS = station.STATICFILES_DIRS
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
STORAGES = station.STORAGES

DATABASES = station.DATABASES
CACHES = station.CACHES
LOGGING = station.LOGGING
