"""What is answered is for whoever asked, and not kept: after signing out a browser has nothing left to show."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

NO_STORE = "private, no-store"


class NoStoreMiddleware:
    """Views that say otherwise, such as those of pictures, are left as they are; static files never come here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", NO_STORE)
        return response
