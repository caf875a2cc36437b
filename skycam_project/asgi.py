"""The web part's ASGI application: Django over HTTP, consumers over WebSockets."""

from __future__ import annotations

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
# As Django's get_asgi_application() does, which would return Django's own handler.
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402

from skycam_project.database_metrics import measure_databases  # noqa: E402
from skycam_project.request_limits import BodyLimit, RequestLimiter, RequestThreadPool  # noqa: E402
from skycam_project.routing import websocket_urlpatterns  # noqa: E402 - consumers need the apps
from skycam_project.sqlite_busy_timeout import shorten_busy_timeouts  # noqa: E402
from skycam_project.sync_asgi_handler import SyncASGIHandler  # noqa: E402

shorten_busy_timeouts()
measure_databases()
limits = settings.STATION.web.limits
limiter = RequestLimiter(limits.requests, limits.requests_per_address)
application = ProtocolTypeRouter(
    {
        # BodyLimit is outermost: a client that sends its body slowly holds neither a slot nor a thread.
        "http": BodyLimit(RequestThreadPool(SyncASGIHandler(), limiter=limiter)),
        # Sign-in, Origin and limits of WebSockets are checked by `cameras.sockets.consumer.Socket`.
        "websocket": URLRouter(websocket_urlpatterns),
    }
)
