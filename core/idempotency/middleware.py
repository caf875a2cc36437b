"""Refuses an Idempotency-Key where none is taken: a client that sends one believes that it can repeat the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from core.api.problems import ErrorBody, invalid, is_api
from core.idempotency.keys import HEADER
from core.idempotency.view import takes_key

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
"""They change nothing, so that the key makes no difference."""


class KeyRefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        """None where the key is taken, or may be ignored."""
        if HEADER not in request.headers or not is_api(request.path) or request.method in SAFE_METHODS:
            return None
        kind = getattr(view, "cls", None)
        if takes_key(kind, str(request.method)) or not hasattr(kind, str(request.method).lower()):
            return None
        message = f"{request.method} of this address takes no key. Send the request without the header."
        return invalid([ErrorBody(field=HEADER, message=message)]).response(request.path)
