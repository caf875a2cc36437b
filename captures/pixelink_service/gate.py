"""Who may come in: programs on this machine, by one of its names, that send JSON; elsewhere those with the token.

There are no users here. What keeps a page of another site from using the camera through its visitor's browser: the
Host header (a name that was made to lead here), the Origin of what changes something, and JSON, which no form can send.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from captures.pixelink_service.errors import answer_of, refused

READING = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = ("/docs", "/openapi.json", "/static/")
"""What tells nothing of the station, and is read by pages that cannot show a token."""


class Gate:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = refusal_of(request) or self.get_response(request)
        if isinstance(response, HttpResponse):
            response.headers["Content-Length"] = str(len(response.content))
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_: object
    ) -> HttpResponseBase | None:
        """404 for an unknown path and 405 for a method that a route does not have come first, whatever the body is."""
        if request.method in READING or not has_method(view, request.method or ""):
            return None
        is_json = request.content_type == "application/json"
        return None if is_json else refused(415, "Content-Type must be application/json")

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        return answer_of(error)


def refusal_of(request: HttpRequest) -> HttpResponse | None:
    try:
        request.get_host()
    except DisallowedHost:
        return refused(
            400, "Invalid host header", "Ask by an address of this machine, or list the name in allowed_hosts."
        )
    if not _shows_token(request):
        return refused(401, "Not authenticated", headers={"WWW-Authenticate": "Bearer"})
    if request.method in READING:
        return None
    if not _is_from_here(request):
        return refused(403, "Origin not allowed", "Pages of this origin may not use the camera; see ALLOWED_ORIGINS.")
    return None


def has_method(view: Callable[..., HttpResponseBase], method: str) -> bool:
    return hasattr(getattr(view, "view_class", None), method.lower())


def _shows_token(request: HttpRequest) -> bool:
    token = settings.STATION.service.token
    if not token or request.path.startswith(OPEN):
        return True
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() in {"bearer", "token"} and hmac.compare_digest(shown.strip().encode(), token.encode())


def _is_from_here(request: HttpRequest) -> bool:
    """A program sends no Origin; a page sends its own."""
    origin = request.headers.get("Origin")
    if origin is None or origin.lower() in settings.STATION.service.allowed_origins:
        return True
    return origin.partition("://")[2] == request.get_host()
