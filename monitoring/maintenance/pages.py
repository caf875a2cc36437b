"""The page of maintenance windows: their list with the form of a new one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path
from django.utils import timezone

from core.pages import Page
from core.resources.pages import FormPage, PressPage, page_of
from monitoring.maintenance.resource import WINDOWS
from monitoring.maintenance.services import windows_for


class MaintenancePage(FormPage):
    template = "alerts/maintenance.html"

    def context(self) -> dict[str, Any]:
        return windows_context(self.request.user)


class MaintenanceNow(Page):
    """The list, which changes by itself."""

    template = "alerts/_maintenance_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(windows_context(request.user))


def windows_context(user: Any) -> dict[str, Any]:
    return {"windows": windows_for(user), "time": timezone.now()}


urlpatterns: list[URLPattern | URLResolver] = [
    path("", page_of(MaintenancePage, WINDOWS, "add", "maintenance", readers="viewer"), name="maintenance"),
    path("now/", MaintenanceNow.as_view(), name="maintenance-now"),
    path("<uuid:window>/end/", page_of(PressPage, WINDOWS, "end", "maintenance"), name="end-maintenance"),
    path("<uuid:window>/remove/", page_of(PressPage, WINDOWS, "remove", "maintenance"), name="remove-maintenance"),
]
