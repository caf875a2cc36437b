"""What the web part serves: Django over HTTP, consumers over WebSockets."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

from skycam_project.pooled_threads import PooledThreads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
django_application = get_asgi_application()

from skycam_project.body_limit import BodyLimit  # noqa: E402
from skycam_project.routing import websocket_urlpatterns  # noqa: E402 - consumers need the apps

application = ProtocolTypeRouter(
    {"http": BodyLimit(PooledThreads(django_application)), "websocket": URLRouter(websocket_urlpatterns)}
)
