"""What the web part serves: Django over HTTP, consumers over WebSockets."""

from __future__ import annotations

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter

from skycam_project.pooled_threads import PooledThreads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
django.setup(set_prefix=False)

from skycam_project.body_limit import BodyLimit  # noqa: E402
from skycam_project.one_hop import OneHopHandler  # noqa: E402
from skycam_project.routing import websocket_urlpatterns  # noqa: E402 - consumers need the apps

application = ProtocolTypeRouter(
    {"http": BodyLimit(PooledThreads(OneHopHandler())), "websocket": URLRouter(websocket_urlpatterns)}
)
