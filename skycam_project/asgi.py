"""What the web part serves: Django over HTTP, consumers over WebSockets."""

from __future__ import annotations

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402

from skycam_project.body_limit import BodyLimit  # noqa: E402
from skycam_project.busy_database import answer_soon  # noqa: E402
from skycam_project.one_hop import OneHopHandler  # noqa: E402
from skycam_project.pooled_threads import PooledThreads  # noqa: E402
from skycam_project.request_places import RequestPlaces  # noqa: E402
from skycam_project.routing import websocket_urlpatterns  # noqa: E402 - consumers need the apps

answer_soon()
limits = settings.STATION.web.limits
places = RequestPlaces(limits.requests, limits.requests_per_address)
application = ProtocolTypeRouter(
    {"http": BodyLimit(PooledThreads(OneHopHandler(), places=places)), "websocket": URLRouter(websocket_urlpatterns)}
)
