"""Django over ASGI with one thread switch per request instead of one per middleware."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class SyncASGIHandler(ASGIHandler):
    """Middleware and views run as under WSGI, on the request's one thread. The event loop still sends and streams
    bodies.

    Django's own handler switches to the thread and back for each method of each middleware. That cost more than the
    rest of a small request. Asynchronous views still work: they run on the loop while the thread waits.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
