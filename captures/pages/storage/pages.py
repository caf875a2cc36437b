"""The page of the storage: roots, usage, rules, and off-site copies."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from captures.pages.storage.offsite import destination_displays
from captures.pages.storage.roots import root_displays
from captures.pages.storage.rules import class_rules
from captures.pages.storage.usage import history_for
from core.pages.page import Page


class StoragePage(Page):
    template = "storage/storage.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        context = {
            "roots": root_displays(request.user),
            "destinations": destination_displays() if user.may("manager") else [],
            "usage": history_for(request.user),
            "rules": class_rules(),
            "host": settings.STATION.host,
        }
        return self.render(context)


class StorageNow(Page):
    """The destinations, which change by themselves. Not the roots: a disk that hangs would hold up each request. The
    page asks each 15 s: to count a backlog of 200,000 files takes a tenth of a second."""

    roles = {"GET": "manager"}
    template = "storage/_storage_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({"destinations": destination_displays()})
