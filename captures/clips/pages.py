"""Recordings by day: a time-line for each camera, its clips, and the way to any moment."""

from __future__ import annotations

from dataclasses import dataclass
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
from captures.clips.bands import Band, band_of
from captures.clips.filters import LABELS, Chosen, parsed_moment
from captures.clips.selectors import at_moment, clips_for, last_before, overlapping
from captures.clips.sheets import Sheet, sheet_of
from captures.gallery.days import Day
from captures.gallery.filters import now
from captures.models import Clip
from captures.models.clip import ClipKind
from captures.selectors import UnknownCamera, camera_condition, camera_ids, cameras_seen
from monitoring.page import Page

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

    def __init__(self, user: Any, chosen: Chosen) -> None:
        """Http404 for a camera that the user may not know of."""
        self.user, self.chosen = user, chosen
        try:
            self.of_camera = camera_condition(user, chosen.camera or None)
        except UnknownCamera as error:
            raise Http404(str(error)) from None
        self.day = self._day()

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
            band_of(slug, of_slug[slug][-1].name, [one.pk for one in of_slug[slug]], self.day.range) for slug in wanted
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
            return self.render(observed(Scope(request.user, Chosen.of(request.GET.dict()))))
        except OverflowError:
            raise Http404("There is no such day.") from None


def observed(scope: Scope) -> dict[str, Any]:
    chosen, day = scope.chosen, scope.day
    clips = scope.clips.filter(chosen.conditions())
    sheet = sheet_of(clips, day.range, day.at(chosen.at) if chosen.at else None, chosen.cursor)
    return {
        "chosen": chosen,
        "day": day,
        "sheet": sheet,
        "bands": scope.bands(),
        "counted": counted(overlapping(clips, *day.range)),
        "most": MOST_COUNTED,
        "several": len(scope.cameras) > 1 and not chosen.camera,
        "cameras": scope.cameras,
        "choices": choices(scope),
        "links": links(chosen, day, sheet) | neighbours(scope),
        "moment": chosen.missed or (day.at(chosen.at) if chosen.at else day.range[0]),
        "missed": missed(scope),
    }


def counted(clips: QuerySet[Clip]) -> dict[str, Any]:
    """Of a day; at most MOST_COUNTED are looked at."""
    some = clips.select_related(None).prefetch_related(None).order_by()[:MOST_COUNTED]
    lost = Count("pk", filter=Q(interrupted=True) | Q(lost_frames__gt=0))
    return some.aggregate(clips=Count("pk"), bytes=Sum("bytes"), frames=Sum("frames"), lost=lost)


def choices(scope: Scope) -> dict[str, list[Choice]]:
    chosen = Chosen(day=scope.day.date, camera=scope.chosen.camera, kind=scope.chosen.kind, only=scope.chosen.only)
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
    here = Chosen(day=day.date, camera=chosen.camera, kind=chosen.kind, only=chosen.only)
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
    """What lies around a moment that was sought and has no video."""
    moment, camera = scope.chosen.missed, scope.chosen.camera
    if moment is None or not camera:
        return None
    ids, clips = camera_ids(scope.user, camera), clips_for(scope.user)
    return {"at": moment, "before": last_before(clips, ids, moment), "after": at_moment(clips, ids, moment)}


class AtPage(Page):
    """The way to a moment: `camera`, and `at` by the reader's clock or with a zone."""

    def get(self, request: HttpRequest) -> HttpResponse:
        slug, moment = request.GET.get("camera", ""), parsed_moment(request.GET.get("at", ""))
        cameras = self.camera_ids(slug)
        if moment is None:
            return redirect(f"{reverse('clips')}?{urlencode({'camera': slug})}")
        clip = at_moment(clips_for(request.user), cameras, moment)
        if clip is not None and clip.started_at <= moment:
            return redirect(address_at(clip, moment))
        return redirect(f"{reverse('clips')}{Chosen(day=self.day(moment), camera=slug).link(missed=moment)}")

    def camera_ids(self, slug: str) -> list[UUID]:
        try:
            return camera_ids(self.request.user, slug)
        except UnknownCamera as error:
            raise Http404(str(error)) from None

    def day(self, moment: datetime) -> Any:
        return Day.of(moment, "day").date


def address_at(clip: Clip, moment: datetime) -> str:
    """The page of a clip, opened at that moment."""
    seconds = (moment - clip.started_at).total_seconds()
    return f"{reverse('clip', args=[clip.pk])}?t={seconds:g}"
