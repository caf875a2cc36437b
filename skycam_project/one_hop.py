"""Django over ASGI with one change of thread for each request instead of one for each middleware."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneHopHandler(ASGIHandler):
    """Middleware and views run as they do under WSGI, on the request's one thread; bodies are still sent, and
    streamed, by the event loop.

    Django's own handler goes to the thread and back for each method of each middleware, which cost more than the
    rest of a small request. An asynchronous view still works: it runs on the loop while the thread waits.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
