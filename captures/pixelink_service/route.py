"""What each route of the service is: a view that says which methods it has."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views import View

from captures.pixelink_service.errors import refused


class Route(View):
    def http_method_not_allowed(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        allowed = [name.upper() for name in self.http_method_names if hasattr(self, name)]
        return refused(405, "Method Not Allowed", headers={"Allow": ", ".join(allowed)})
