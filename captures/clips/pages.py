"""Recordings by day: a time-line for each camera, its clips, and the way to any moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from cameras.models import Camera
from captures.clips.bands import Band, band_of, middle_of
from captures.clips.filters import LABELS, Chosen
from captures.clips.selectors import clips_for, first_after, last_before, overlapping, showing
from captures.clips.sheets import Sheet, sheet_of
from captures.clips.windows import Window, controls
from captures.gallery.days import Day
from captures.gallery.filters import now, parsed_moment
from captures.models import Clip
from captures.models.clip import ClipKind
from captures.selectors import UnknownCamera, camera_condition, camera_ids, cameras_seen
from monitoring.page import Page, is_part

MOST_COUNTED = 5_000
MOST_BANDS = 12
"""Cameras whose time-lines are drawn at once."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter as a link."""

    label: str
    link: str
    chosen: bool


class Scope:
    """What one reader may see of what was chosen."""

    def __init__(self, user: Any, given: Mapping[str, str]) -> None:
        """Http404 for a camera that the user may not know of."""
        self.user, self.chosen = user, Chosen.of(given)
        try:
            self.of_camera = camera_condition(user, self.chosen.camera or None)
        except UnknownCamera as error:
            raise Http404(str(error)) from None
        self.day = self._day()
        self.window = Window.of(given, self.day.range) or Window(*self.day.range, self.day.range)
        self.chosen = replace(self.chosen, window=self.window)

    @property
    def clips(self) -> QuerySet[Clip]:
        """Of each day."""
        return clips_for(self.user).filter(**self.of_camera)

    @property
    def bare(self) -> QuerySet[Clip]:
        """Without what belongs to them: for one row out of all, a database would begin with the smallest table."""
        return self.clips.select_related(None).prefetch_related(None)

    @cached_property
    def cameras(self) -> list[Camera]:
        return cameras_seen(self.user)

    def _day(self) -> Day:
        """The one that was named, else the newest with clips, else today."""
        if self.chosen.day:
            return Day(self.chosen.day, "day")
        newest = self.bare.order_by("-started_at", "-id").first()
        return Day.of(newest.started_at if newest else now(), "day")

    def bands(self) -> list[Band]:
        """Of the chosen camera; of all that have clips on the day without one."""
        of_slug: dict[str, list[Camera]] = {}
        for camera in self.cameras:
            of_slug.setdefault(camera.slug, []).append(camera)
        wanted = [self.chosen.camera] if self.chosen.camera else self._slugs_of_day(of_slug)
        return [
            band_of(slug, of_slug[slug][-1].name, [one.pk for one in of_slug[slug]], self.window) for slug in wanted
        ]

    def _slugs_of_day(self, of_slug: dict[str, list[Camera]]) -> list[str]:
        begin, end = self.day.range
        found = [
            slug for slug, cameras in of_slug.items()
            if overlapping(Clip.objects.present().filter(camera__in=cameras), begin, end).exists()
        ]  # fmt: skip
        return found[:MOST_BANDS]


class ClipsPage(Page):
    template = "clips/clips.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            scope = Scope(request.user, request.GET.dict())
            if is_part(request):
                return self.render(time_lines(scope), "clips/_timelines.html")
            return self.render(observed(scope) | time_lines(scope))
        except OverflowError:
            raise Http404("There is no such day.") from None


def time_lines(scope: Scope) -> dict[str, Any]:
    bands, chosen = scope.bands(), replace(scope.chosen, day=scope.day.date)
    return {
        "bands": bands,
        "day": scope.day,
        "several": len(scope.cameras) > 1 and not chosen.camera,
        "window": scope.window,
        "controls": controls(scope.window, middle_of(bands, scope.window), lambda window: chosen.link(window=window)),
        "whole": chosen.link(window=None),
    }


def observed(scope: Scope) -> dict[str, Any]:
    chosen, day = scope.chosen, scope.day
    clips = scope.clips.filter(chosen.conditions())
    sheet = sheet_of(clips, day.range, day.at(chosen.at) if chosen.at else None, chosen.cursor)
    return {
        "chosen": chosen,
        "day": day,
        "sheet": sheet,
        "counted": counted(overlapping(clips, *day.range)),
        "most": MOST_COUNTED,
        "cameras": scope.cameras,
        "choices": choices(scope),
        "links": links(chosen, day, sheet) | neighbours(scope),
        "moment": chosen.missed or (day.at(chosen.at) if chosen.at else first_of(sheet, day)),
        "missed": missed(scope),
    }


def first_of(sheet: Sheet, day: Day) -> datetime:
    return max(sheet.clips[0].started_at, day.range[0]) if sheet.clips else day.range[0]


def counted(clips: QuerySet[Clip]) -> dict[str, Any]:
    """Of a day; at most MOST_COUNTED are looked at."""
    some = clips.select_related(None).prefetch_related(None).order_by()[:MOST_COUNTED]
    lost = Count("pk", filter=Q(interrupted=True) | Q(lost_frames__gt=0))
    return some.aggregate(clips=Count("pk"), bytes=Sum("bytes"), frames=Sum("frames"), lost=lost)


def choices(scope: Scope) -> dict[str, list[Choice]]:
    chosen = replace(scope.chosen, day=scope.day.date)
    present = {camera.slug: camera.name for camera in scope.cameras if not camera.removed_at}
    names = present | ({chosen.camera: chosen.camera} if chosen.camera and chosen.camera not in present else {})
    return {
        "cameras": [
            Choice("All cameras", chosen.link(camera=""), not chosen.camera),
            *(Choice(name, chosen.link(camera=slug), chosen.camera == slug) for slug, name in names.items()),
        ],
        "kinds": [_toggle(chosen, "kind", kind.value, kind.label) for kind in ClipKind],
        "only": [_toggle(chosen, "only", name, label) for name, label in LABELS.items()],
    }


def _toggle(chosen: Chosen, name: str, value: str, label: str) -> Choice:
    on = getattr(chosen, name) == value
    return Choice(str(label), chosen.link(**{name: "" if on else value}), on)


def links(chosen: Chosen, day: Day, sheet: Sheet) -> dict[str, Any]:
    here = replace(chosen, day=day.date, window=None)
    return {
        "begin": here.link(),
        "newest": here.link(day=None),
        "nothing": here.link(camera="", kind="", only=""),
        "earlier": here.link(cursor=sheet.earlier) if sheet.earlier else "",
        "later": here.link(cursor=sheet.later) if sheet.later else "",
        "hours": [(hour, here.link(at=hour)) for hour in day.hours],
    }


def neighbours(scope: Scope) -> dict[str, str]:
    """The nearest days before and after that have clips; empty where there is none."""
    begin, end = scope.day.range
    before = scope.bare.filter(started_at__lt=begin).order_by("-started_at", "-id").first()
    after = scope.bare.filter(started_at__gte=end).order_by("started_at", "id").first()
    days = {name: Day.of(one.started_at, "day").date for name, one in (("previous", before), ("next", after)) if one}
    return {"previous": "", "next": ""} | {name: scope.chosen.link(day=day) for name, day in days.items()}


def missed(scope: Scope) -> dict[str, Any] | None:
    """What lies around a moment without video, in the chosen camera or in all; and what other cameras have there."""
    moment, clips = scope.chosen.missed, clips_for(scope.user)
    if moment is None:
        return None
    chosen = [camera for camera in scope.cameras if scope.chosen.camera in {"", camera.slug}]
    ids = [camera.pk for camera in chosen]
    return {
        "at": moment,
        "camera": chosen[-1].name if scope.chosen.camera else "",
        "before": last_before(clips, ids, moment),
        "after": first_after(clips, ids, moment),
        "others": showing(clips, [camera.pk for camera in scope.cameras if camera.pk not in ids], moment),
        "records": any(camera.recording and not camera.removed_at for camera in chosen),
    }


class AtPage(Page):
    """The way to a moment: `camera` (without one, any that has video there), and `at` by the reader's clock or with a
    zone."""

    def get(self, request: HttpRequest) -> HttpResponse:
        slug, moment = request.GET.get("camera", ""), parsed_moment(request.GET.get("at", ""))
        cameras = self.camera_ids(slug)
        if moment is None:
            return redirect(f"{reverse('clips')}?{urlencode({'camera': slug})}")
        found = showing(clips_for(request.user), cameras, moment)
        if found:
            window = Window.of(request.GET.dict(), Day.of(found[0].started_at, "day").range)
            return redirect(address_at(found[0], moment, window))
        return redirect(f"{reverse('clips')}{Chosen(day=self.day(moment), camera=slug).link(missed=moment)}")

    def camera_ids(self, slug: str) -> list[UUID]:
        if not slug:
            return [camera.pk for camera in cameras_seen(self.request.user)]
        try:
            return camera_ids(self.request.user, slug)
        except UnknownCamera as error:
            raise Http404(str(error)) from None

    def day(self, moment: datetime) -> Any:
        return Day.of(moment, "day").date


def address_at(clip: Clip, moment: datetime, window: Window | None = None) -> str:
    """The page of a clip, opened at that moment, with that part of the day on its time-line."""
    values = {"t": f"{(moment - clip.started_at).total_seconds():g}"} | (window.values() if window else {})
    return f"{reverse('clip', args=[clip.pk])}?{urlencode(values)}"
