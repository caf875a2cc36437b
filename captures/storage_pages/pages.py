"""The page of the storage: roots, usage, rules, and off-site copies."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from captures.storage_pages.offsite import destination_displays
from captures.storage_pages.roots import root_displays
from captures.storage_pages.rules import class_rules
from captures.storage_pages.usage import history_for
from core.pages.page import Page


class StoragePage(Page):
    template = "storage/storage.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        manages = user.may("manager")
        context = {
            "roots": root_displays(request.user),
            "destinations": destination_displays() if manages else [],
            "now": reverse("storage-now" if manages else "now"),
            "usage": history_for(request.user),
            "rules": class_rules(),
            "host": settings.STATION.host,
        }
        return self.render(context)


class StorageNow(Page):
    """The destinations, which change by themselves. Not the roots: a disk that hangs would hold up each request."""

    roles = {"GET": "manager"}
    template = "storage/_storage_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({"destinations": destination_displays()})
