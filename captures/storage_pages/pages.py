"""The page of the storage: roots, usage, rules, and off-site copies."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from captures.storage_pages.offsite import destination_displays
from captures.storage_pages.roots import root_displays
from captures.storage_pages.rules import class_rules
from captures.storage_pages.usage import history_for
from core.pages.page import Page


class StoragePage(Page):
    template = "storage/storage.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            **now_context(request.user),
            "usage": history_for(request.user),
            "rules": class_rules(),
            "host": settings.STATION.host,
        }
        return self.render(context)


class StorageNow(Page):
    """What changes by itself: the roots, and for managers the destinations."""

    template = "storage/_storage_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(now_context(request.user))


def now_context(user: Any) -> dict[str, Any]:
    destinations = destination_displays() if user.may("manager") else []
    return {"roots": root_displays(user), "destinations": destinations}
