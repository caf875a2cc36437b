"""The pages of one clip: play, pin and delete it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from captures.days import Day
from captures.recordings.clips.models import Clip
from captures.recordings.clips.selectors import clips_for
from captures.recordings.clips.services import ClipHeld, delete_clip, hold_reasons, pin_clip
from captures.recordings.clips.timeline_layout import Window, lay_out_timeline, window_controls
from core.api.paging import beyond
from core.api.queries import Cursor
from core.events.selectors import events_for
from core.pages import Page, is_htmx_request, message_response, redirect_to

EVENTS = 20
AROUND = timedelta(hours=1)
TOUCHING_S = 1.0
"""Two clips that are closer together are one recording."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a player needs of a clip. `address` is that of its file; `elsewhere`: the host that has it, if it is another
    one; `start`: the second at which it begins."""

    address: str
    poster: str
    started_at: datetime
    length_s: float
    frames: int
    width: int | None
    height: int | None
    codec: str
    simulated: bool
    elsewhere: str = ""
    start: float = 0.0

    @property
    def zone(self) -> str:
        return f"{timezone.localtime(self.started_at):%Z}"

    @property
    def offset_s(self) -> int:
        """Of the reader's time zone."""
        offset = timezone.localtime(self.started_at).utcoffset()
        return int(offset.total_seconds()) if offset else 0


class ClipPageBase(Page):
    """A page of the clip in the address."""

    def clip(self) -> Clip:
        """404 also if the user cannot see it."""
        found = clips_for(self.request.user).filter(pk=self.kwargs["clip"]).first()
        if found is None:
            raise Http404("No such clip.")
        return found


class ClipPage(ClipPageBase):
    template = "clips/clip.html"

    def get(self, request: HttpRequest, clip: UUID) -> HttpResponse:
        found = self.clip()
        time_line = self.time_line(found)
        if is_htmx_request(request):
            # Zooming replaces the time-line alone: the player would start again with the rest of the page.
            return self.render({"clip": found, **time_line}, "clips/_timelines.html")
        return self.render({
            "clip": found,
            **time_line,
            "played": played_clip(found, request.GET.get("t", "")),
            "held": hold_reasons(found, list(found.holds.all())),
            "events": list(events_for(request.user).filter(subject=str(found.pk))[:EVENTS]),
            **self.around(found),
        })  # fmt: skip

    def time_line(self, clip: Clip) -> dict[str, Any]:
        """The time-line of the clip's camera: the part of the day in the address, else an hour or more around the
        clip."""
        day, given = Day.of(clip.started_at, "day"), self.request.GET.dict()
        middle = clip.started_at + clip.duration / 2
        window = Window.of(given, day.range) or Window.within(day.range, middle, max(AROUND, 2 * clip.duration))
        layout = lay_out_timeline(clip.camera.slug, clip.camera.name, [clip.camera_id], window)
        if not window.begin <= middle < window.end:
            middle = window.begin + window.span / 2
        kept = {"t": given["t"]} if "t" in given else {}
        whole = Window(*day.range, day.range)
        return {
            "day": day,
            "timelines": [layout],
            "window": window,
            "mark": layout.x_of(clip.started_at),
            "controls": window_controls(window, middle, lambda other: f"?{urlencode(kept | other.values(named=True))}"),
            "whole": f"?{urlencode(kept | whole.values(named=True))}",
        }

    def around(self, clip: Clip) -> dict[str, Any]:
        """The clips before and after, and whether the recording continued in the next one."""
        of_camera = clips_for(self.request.user).filter(camera_id=clip.camera_id)
        older = neighbour(of_camera, clip, newer=False)
        newer = neighbour(of_camera, clip, newer=True)
        return {"older": older, "newer": newer, "continues": newer is not None and touches(clip, newer)}


def neighbour(clips: Any, clip: Clip, *, newer: bool) -> Clip | None:
    order = ("started_at", "id") if newer else ("-started_at", "-id")
    found = beyond(clips, "started_at", Cursor(clip.started_at, clip.pk, newer)).order_by(*order).first()
    return found if isinstance(found, Clip) else None


def touches(clip: Clip, newer: Clip) -> bool:
    return abs((newer.started_at - clip.ended_at).total_seconds()) < TOUCHING_S


def played_clip(clip: Clip, start: str) -> Played:
    address = f"/api/v1/clips/{clip.pk}"
    return Played(
        f"{address}/file/", f"{address}/poster/?size=2048", clip.started_at, clip.duration.total_seconds(), clip.frames,
        clip.width, clip.height, clip.codec, clip.simulated,
        elsewhere="" if clip.host == settings.STATION.host else clip.host,
        start=start_of(clip.duration.total_seconds(), start),
    )  # fmt: skip


def start_of(length_s: float, text: str) -> float:
    """The second at which the player starts; 0 if `text` is not a number."""
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    # float() also reads `nan` and `inf`, and min() and max() do not limit `nan`.
    return min(max(seconds, 0.0), length_s) if math.isfinite(seconds) else 0.0


class PinPage(ClipPageBase):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, clip: UUID) -> HttpResponse:
        """Pin or unpin the clip, as the form says."""
        found, pinned = self.clip(), request.POST.get("pinned") == "yes"
        pin_clip(found, pinned, self.actor)
        changed = self.clip()
        if is_htmx_request(request):
            wide = request.POST.get("wide") == "yes"
            return self.render({"clip": changed, "wide": wide}, "clips/_pin.html")
        return message_response(request, "ok", "Pinned: nothing deletes it." if pinned else "Unpinned.")


class DeletePage(ClipPageBase):
    """Asks for confirmation with what will be lost, and deletes the clip."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "clips/delete.html"

    def get(self, request: HttpRequest, clip: UUID) -> HttpResponse:
        return self.render_page(self.clip())

    def post(self, request: HttpRequest, clip: UUID) -> HttpResponse:
        found = self.clip()
        try:
            delete_clip(found, self.actor)
        except ClipHeld as error:
            return self.render_page(found, str(error), 409)
        # Someone else deleted it since this request found it.
        except Clip.DoesNotExist:
            raise Http404("No such clip.") from None
        messages.success(request, f"Deleted: {found.filename}.")
        day = Day.of(found.started_at, "day").date
        return redirect_to(request, f"{reverse('clips')}?camera={found.camera.slug}&day={day}")

    def render_page(self, clip: Clip, refusal: str = "", status: int = 200) -> HttpResponse:
        template = "clips/_delete.html" if is_htmx_request(self.request) else self.template
        held = hold_reasons(clip, list(clip.holds.all()))
        return self.render({"clip": clip, "held": held, "refusal": refusal}, template, status)
