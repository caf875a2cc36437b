"""The base class of the service's views: a method that a route lacks is answered with 405 and the methods it has."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views import View

from captures.pixelink_service.errors import error_response


class Route(View):
    def http_method_not_allowed(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        allowed = [name.upper() for name in self.http_method_names if hasattr(self, name)]
        return error_response(405, "Method Not Allowed", headers={"Allow": ", ".join(allowed)})
