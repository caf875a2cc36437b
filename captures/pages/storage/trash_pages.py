"""The page of the trash: restore captures, or delete their files now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cameras.selectors import camera_condition, visible_cameras
from captures.capturing.models import Capture
from captures.capturing.selectors import trash_for
from captures.pages.storage.display import page_of
from captures.storage.trash.services import NotInTrash, NotPurged, guarded_captures, purge_capture, restore_capture
from core.pages import Page, redirect_to
from core.station_settings import retention_config
from core.text.sentences import pluralize, was_or_were

MOST = 200
FIRST = 20


@dataclass(frozen=True, slots=True)
class TrashedCapture:
    capture: Capture
    days: float

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.capture.files.all())

    @property
    def until(self) -> datetime | None:
        """Until when it can be restored."""
        return self.capture.trashed_at + timedelta(days=self.days) if self.capture.trashed_at else None


class TrashPage(Page):
    roles = {"GET": "manager"}
    template = "storage/trash.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        cameras = {camera.slug: camera.name for camera in visible_cameras(request.user)}
        chosen = request.GET.get("camera", "")
        chosen = chosen if chosen in cameras else ""
        found = trash_for(request.user).filter(**camera_condition(request.user, chosen or None))
        captures, older = page_of(found, "trashed_at", request)
        days = retention_config().trash_days
        context = {
            "captures": [TrashedCapture(one, days) for one in captures],
            "older": older, "cameras": cameras, "chosen": chosen, "days": days,
        }  # fmt: skip
        return self.render(context)


class ChosenCaptures(Page):
    """A request about captures that were chosen on the page."""

    def chosen(self) -> list[Capture]:
        """Those that are still in the trash."""
        ids = []
        for text in self.request.POST.getlist("capture")[:MOST]:
            try:
                ids.append(UUID(text))
            except ValueError:
                continue
        return list(trash_for(self.request.user).filter(pk__in=ids)) if ids else []

    def nothing_chosen(self) -> HttpResponse:
        given = self.request.POST.getlist("capture")
        why = "They are not in the trash any more: somebody restored or deleted them." if given else "Choose captures."
        messages.warning(self.request, why)
        return self.back()

    def back(self) -> HttpResponse:
        return redirect_to(self.request, reverse("trash"))


class RestorePage(ChosenCaptures):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Take the chosen captures out of the trash."""
        captures = self.chosen()
        if not captures:
            return self.nothing_chosen()
        refusals = []
        for capture in captures:
            try:
                restore_capture(capture, self.actor)
            except NotInTrash as error:
                refusals.append(str(error))
        if restored := len(captures) - len(refusals):
            messages.success(request, f"{pluralize(restored, 'capture')} {was_or_were(restored)} restored.")
        add_refusals(request, refusals)
        add_missing(request, captures)
        return self.back()


class PurgePage(ChosenCaptures):
    """Asks for the number of captures, and deletes their files now."""

    roles = {"POST": "manager"}
    template = "storage/purge.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        captures = self.chosen()
        if not captures:
            return self.nothing_chosen()
        kept = set(Capture.objects.filter(guarded_captures(), pk__in=[one.pk for one in captures]).values_list("pk"))
        deletable = [one for one in captures if (one.pk,) not in kept]
        typed = request.POST.get("confirmation")
        if typed is None or not deletable:
            return self._question(deletable, len(kept))
        if typed.replace(",", "").strip() != str(len(deletable)):
            return self._question(deletable, len(kept), f"Type the number of captures to confirm: {len(deletable)}.")
        self._purge(deletable)
        add_missing(request, captures)
        return self.back()

    def _question(self, captures: list[Capture], kept: int, refusal: str = "") -> HttpResponse:
        rows = [TrashedCapture(one, 0) for one in captures]
        context: dict[str, Any] = {
            "captures": rows, "first": rows[:FIRST], "more": max(0, len(rows) - FIRST), "kept": kept,
            "bytes": sum(row.bytes for row in rows), "refusal": refusal,
        }  # fmt: skip
        return self.render(context, status=400 if refusal else 200)

    def _purge(self, captures: list[Capture]) -> None:
        problems = []
        for capture in captures:
            try:
                purge_capture(capture, settings.STATION.host, self.actor)
            except NotPurged as error:
                problems.append(str(error))
        keys = [one.pk for one in captures]
        marked = Capture.objects.filter(pk__in=keys).exclude(purged_at=None)
        deleted = marked.filter(files=None).count()
        later = marked.count() - deleted
        if deleted:
            messages.success(self.request, f"{pluralize(deleted, 'capture')} {was_or_were(deleted)} deleted.")
        if later:
            sentence = f"{pluralize(later, 'capture')} {was_or_were(later)} not deleted yet: the host with the files"
            messages.warning(self.request, f"{sentence} goes on within a minute after its disk is there.")
        in_trash = Capture.objects.in_trash().filter(pk__in=keys).count()
        if left := len(keys) - deleted - later - in_trash:
            messages.warning(self.request, f"{pluralize(left, 'capture')} {was_or_were(left)} restored meanwhile.")
        add_refusals(self.request, problems)


def add_refusals(request: HttpRequest, refusals: list[str]) -> None:
    """The first sentences, and how many follow."""
    for sentence in list(dict.fromkeys(refusals))[:3]:
        messages.error(request, sentence)


def add_missing(request: HttpRequest, captures: list[Capture]) -> None:
    """Say how many of the chosen captures were not in the trash any more when the request came."""
    if missing := len(set(request.POST.getlist("capture"))) - len(captures):
        sentence = f"{pluralize(missing, 'capture')} {was_or_were(missing)} not in the trash any more."
        messages.warning(request, sentence)
