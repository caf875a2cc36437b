"""The web part's ASGI application: Django over HTTP, consumers over WebSockets."""

from __future__ import annotations

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402

from skycam_project.body_limit import BodyLimit  # noqa: E402
from skycam_project.request_limiter import RequestLimiter  # noqa: E402
from skycam_project.request_thread_pool import RequestThreadPool  # noqa: E402
from skycam_project.routing import websocket_urlpatterns  # noqa: E402 - consumers need the apps
from skycam_project.sqlite_busy_timeout import shorten_busy_timeouts  # noqa: E402
from skycam_project.sync_asgi_handler import SyncASGIHandler  # noqa: E402

shorten_busy_timeouts()
limits = settings.STATION.web.limits
limiter = RequestLimiter(limits.requests, limits.requests_per_address)
application = ProtocolTypeRouter(
    {
        "http": BodyLimit(RequestThreadPool(SyncASGIHandler(), limiter=limiter)),
        "websocket": URLRouter(websocket_urlpatterns),
    }
)
