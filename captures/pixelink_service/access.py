"""Access to the service: without a token, for programs on this machine; with one, for all programs that send it.

The service has no users. Three checks keep a page of another site from using the camera through its visitor's browser:
the Host header (against DNS rebinding), the Origin of requests that change something, and JSON bodies, which no HTML
form can send.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from captures.pixelink_service.errors import error_response, response_for
from core.api.authorization import token_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC_PATHS = ("/docs", "/openapi.json", "/static/")
"""These paths reveal nothing about the station, and are loaded by pages that cannot send a token."""


class AccessMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = check_access(request) or self.get_response(request)
        if isinstance(response, HttpResponse):
            # Django sets it in CommonMiddleware, which the service does not have; uvicorn would then send chunks. A
            # stream has no length.
            response.headers["Content-Length"] = str(len(response.content))
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_: object
    ) -> HttpResponseBase | None:
        """415 for a body that is not JSON. 404 for an unknown path and 405 for a missing method come first."""
        if request.method in SAFE_METHODS or not has_method(view, request.method or ""):
            return None
        is_json = request.content_type == "application/json"
        return None if is_json else error_response(415, "Content-Type must be application/json")

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        return response_for(error)


def check_access(request: HttpRequest) -> HttpResponse | None:
    """The error response; None when the request is allowed."""
    try:
        # Against DNS rebinding: a page whose own name resolves to 127.0.0.1 sends that name as the host.
        request.get_host()
    except DisallowedHost:
        return error_response(
            400, "Invalid host header", "Use an address of this machine, or add the name to allowed_hosts."
        )
    if not _has_token(request):
        return error_response(401, "Not authenticated", headers={"WWW-Authenticate": "Bearer"})
    if request.method in SAFE_METHODS:
        return None
    if not _is_allowed_origin(request):
        return error_response(
            403, "Origin not allowed", "Pages of this origin may not use the camera; see ALLOWED_ORIGINS."
        )
    return None


def has_method(view: Callable[..., HttpResponseBase], method: str) -> bool:
    return hasattr(getattr(view, "view_class", None), method.lower())


def _has_token(request: HttpRequest) -> bool:
    token = settings.STATION.service.token
    if not token or request.path.startswith(PUBLIC_PATHS):
        return True
    sent = token_of(request.headers.get("Authorization", ""))
    # Bytes: for text, compare_digest() raises TypeError unless it is ASCII.
    return sent is not None and hmac.compare_digest(sent.encode(), token.encode())


def _is_allowed_origin(request: HttpRequest) -> bool:
    """True also without an Origin: only browsers send one."""
    origin = request.headers.get("Origin")
    if origin is None or origin.lower() in settings.STATION.service.allowed_origins:
        return True
    # The service's own page, /docs.
    return origin.partition("://")[2] == request.get_host()
