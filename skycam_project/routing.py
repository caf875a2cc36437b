"""WebSocket URLs."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path, re_path

from cameras.live.consumers import LiveConsumer
from cameras.sockets.consumer import NotFound
from cameras.status.consumers import StatusConsumer
from captures.capturing.consumers import CapturesConsumer

sockets: dict[str, Any] = {
    "ws/live/<slug:slug>/": LiveConsumer,
    "ws/captures/": CapturesConsumer,
    "ws/status/": StatusConsumer,
}

websocket_urlpatterns: list[URLPattern] = [
    *(path(route, consumer.as_asgi()) for route, consumer in sockets.items()),
    re_path("", NotFound.as_asgi()),  # without it, Channels raises for an unknown path
]
