"""The page of clips with its time-lines: which clips it shows by filter, cameras and time, and the address of the
clip at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from cameras.models import Camera
from cameras.selectors import UnknownCamera, camera_condition, camera_ids, visible_cameras
from captures.days import Day, now, parse_clock, parse_cursor, parse_day, parse_moment
from captures.recordings.clips.models import Clip, ClipKind
from captures.recordings.clips.selectors import clips_for, first_after, last_before, overlapping, showing
from captures.recordings.clips.timeline_layout import (
    TimelineLayout,
    Window,
    lay_out_timeline,
    middle_of_content,
    window_controls,
)
from core.api.paging import beyond
from core.api.queries import Cursor
from core.pages import Page, is_htmx_request

MAX_TIMELINES = 12
"""Cameras whose time-lines are drawn at once."""


class Scope:
    """The clips of a filter that a user can see."""

    def __init__(self, user: Any, given: Mapping[str, str]) -> None:
        """Http404 for a camera that the user cannot see."""
        self.user, self.chosen = user, ClipFilter.of(given)
        try:
            self.of_camera = camera_condition(user, self.chosen.camera or None)
        except UnknownCamera as error:
            raise Http404(str(error)) from None
        self.day = self._day()
        self.window = Window.of(given, self.day.range) or Window(*self.day.range, self.day.range)
        self.chosen = replace(self.chosen, window=self.window)

    @property
    def clips(self) -> QuerySet[Clip]:
        """Clips of all days."""
        return clips_for(self.user).filter(**self.of_camera)

    @property
    def bare(self) -> QuerySet[Clip]:
        """The clips without related rows: to find one row, a database would otherwise begin with the smallest table."""
        return self.clips.select_related(None).prefetch_related(None)

    @cached_property
    def cameras(self) -> list[Camera]:
        return visible_cameras(self.user)

    def _day(self) -> Day:
        """The day of the filter, else the newest with clips, else today."""
        if self.chosen.day:
            return Day(self.chosen.day, "day")
        newest = self.bare.order_by("-started_at", "-id").first()
        return Day.of(newest.started_at if newest else now(), "day")

    def timelines(self) -> list[TimelineLayout]:
        """The time-line of the chosen camera, or of all cameras with clips on the day."""
        of_slug: dict[str, list[Camera]] = {}
        for camera in self.cameras:
            # A slug may be used again after a camera was removed: the time-line shows the clips of all that had it.
            of_slug.setdefault(camera.slug, []).append(camera)
        wanted = [self.chosen.camera] if self.chosen.camera else self._slugs_of_day(of_slug)
        return [
            lay_out_timeline(slug, of_slug[slug][-1].name, [one.pk for one in of_slug[slug]], self.window)
            for slug in wanted
        ]

    def _slugs_of_day(self, of_slug: dict[str, list[Camera]]) -> list[str]:
        begin, end = self.day.range
        found = [
            slug for slug, cameras in of_slug.items()
            if overlapping(Clip.objects.present().filter(camera__in=cameras), begin, end).exists()
        ]  # fmt: skip
        return found[:MAX_TIMELINES]


CONDITIONS = {
    "pinned": Q(pinned=True),
    "lost": Q(interrupted=True) | Q(lost_frames__gt=0),
    "real": Q(simulated=False),
    "simulated": Q(simulated=True),
}
"""Conditions of the filter `only`."""
CONDITION_LABELS = {"pinned": "Pinned", "lost": "With losses", "real": "Real", "simulated": "Simulated"}


@dataclass(frozen=True, slots=True)
class ClipFilter:
    """Values that cannot be parsed are left out. `day` is None for the newest day with clips. `missed` is a requested
    moment without video; `window` is the part of the day that time-lines show."""

    day: date | None = None
    camera: str = ""
    kind: str = ""
    only: str = ""
    at: time | None = None
    missed: datetime | None = None
    cursor: Cursor | None = None
    window: Window | None = None

    @classmethod
    def of(cls, given: Mapping[str, str]) -> ClipFilter:
        return cls(
            day=parse_day(given.get("day", "")),
            camera=given.get("camera", ""),
            kind=given.get("kind", "") if given.get("kind") in ClipKind.values else "",
            only=given.get("only", "") if given.get("only") in CONDITIONS else "",
            at=parse_clock(given.get("at", "")),
            missed=parse_moment(given.get("missed", "")),
            cursor=parse_cursor(given.get("cursor", "")),
        )

    def link(self, **changes: Any) -> str:
        """The query of the page with `changes`. Another day, camera or filter starts at its beginning; another day's
        time-line shows the whole day."""
        reset = {"at": None, "cursor": None, "missed": None} | ({"window": None} if "day" in changes else {})
        # `changes` last, so that a link can set one of them.
        other = replace(self, **(reset | changes))
        values = {
            "day": other.day.isoformat() if other.day else "",
            "camera": other.camera,
            "kind": other.kind,
            "only": other.only,
            "at": f"{other.at:%H:%M}" if other.at else "",
            "missed": other.missed.isoformat() if other.missed else "",
            "cursor": other.cursor.text() if other.cursor else "",
            **(other.window.values() if other.window else {}),
        }
        return f"?{urlencode({name: value for name, value in values.items() if value})}"

    @property
    def narrowed(self) -> bool:
        return bool(self.camera or self.kind or self.only)

    def conditions(self) -> Q:
        """Conditions on the clips of a day, without the camera, which is checked against the user's access."""
        kind = Q(kind=self.kind) if self.kind else Q()
        return kind & CONDITIONS.get(self.only, Q())


MAX_COUNTED = 5_000


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter as a link."""

    label: str
    link: str
    chosen: bool


class ClipsPage(Page):
    template = "clips/clips.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            scope = Scope(request.user, request.GET.dict())
            if is_htmx_request(request):
                return self.render(time_lines(scope), "clips/_timelines.html")
            return self.render(page_context(scope) | time_lines(scope))
        except OverflowError:
            raise Http404("There is no such day.") from None


def time_lines(scope: Scope) -> dict[str, Any]:
    timelines, chosen = scope.timelines(), replace(scope.chosen, day=scope.day.date)
    return {
        "timelines": timelines,
        "day": scope.day,
        "several": len(scope.cameras) > 1 and not chosen.camera,
        "window": scope.window,
        "controls": window_controls(
            scope.window, middle_of_content(timelines, scope.window), lambda window: chosen.link(window=window)
        ),
        "whole": chosen.link(window=None),
    }


def page_context(scope: Scope) -> dict[str, Any]:
    chosen, day = scope.chosen, scope.day
    clips = scope.clips.filter(chosen.conditions())
    clip_page = page_of_clips(clips, day.range, day.at(chosen.at) if chosen.at else None, chosen.cursor)
    return {
        "chosen": chosen,
        "day": day,
        "clip_page": clip_page,
        "counted": count_clips(overlapping(clips, *day.range)),
        "most": MAX_COUNTED,
        "cameras": scope.cameras,
        "choices": choices(scope),
        "links": links(chosen, day, clip_page) | neighbours(scope),
        "moment": chosen.missed or (day.at(chosen.at) if chosen.at else first_of(clip_page, day)),
        "missed": missed_moment(scope),
    }


def first_of(clip_page: PageOfClips, day: Day) -> datetime:
    return max(clip_page.clips[0].started_at, day.range[0]) if clip_page.clips else day.range[0]


def count_clips(clips: QuerySet[Clip]) -> dict[str, Any]:
    """Totals of a day's clips, at most MAX_COUNTED of them."""
    # The slice becomes a sub-query, so a day with many clips is counted only up to the limit.
    some = clips.select_related(None).prefetch_related(None).order_by()[:MAX_COUNTED]
    lost = Count("pk", filter=Q(interrupted=True) | Q(lost_frames__gt=0))
    return some.aggregate(clips=Count("pk"), bytes=Sum("bytes"), frames=Sum("frames"), lost=lost)


def choices(scope: Scope) -> dict[str, list[Choice]]:
    chosen = replace(scope.chosen, day=scope.day.date)
    present = {camera.slug: camera.name for camera in scope.cameras if not camera.removed_at}
    # A removed camera is offered only while it is chosen: its clips can still be seen.
    names = present | ({chosen.camera: chosen.camera} if chosen.camera and chosen.camera not in present else {})
    return {
        "cameras": [
            Choice("All cameras", chosen.link(camera=""), not chosen.camera),
            *(Choice(name, chosen.link(camera=slug), chosen.camera == slug) for slug, name in names.items()),
        ],
        "kinds": [_toggle(chosen, "kind", kind.value, kind.label) for kind in ClipKind],
        "only": [_toggle(chosen, "only", name, label) for name, label in CONDITION_LABELS.items()],
    }


def _toggle(chosen: ClipFilter, name: str, value: str, label: str) -> Choice:
    on = getattr(chosen, name) == value
    return Choice(str(label), chosen.link(**{name: "" if on else value}), on)


def links(chosen: ClipFilter, day: Day, clip_page: PageOfClips) -> dict[str, Any]:
    here = replace(chosen, day=day.date, window=None)
    return {
        "begin": here.link(),
        "newest": here.link(day=None),
        "nothing": here.link(camera="", kind="", only=""),
        "earlier": here.link(cursor=clip_page.earlier) if clip_page.earlier else "",
        "later": here.link(cursor=clip_page.later) if clip_page.later else "",
        "hours": [(hour, here.link(at=hour)) for hour in day.hours],
    }


def neighbours(scope: Scope) -> dict[str, str]:
    """Links to the nearest days with clips before and after; empty if there is none."""
    begin, end = scope.day.range
    before = scope.bare.filter(started_at__lt=begin).order_by("-started_at", "-id").first()
    after = scope.bare.filter(started_at__gte=end).order_by("started_at", "id").first()
    days = {name: Day.of(one.started_at, "day").date for name, one in (("previous", before), ("next", after)) if one}
    return {"previous": "", "next": ""} | {name: scope.chosen.link(day=day) for name, day in days.items()}


class AtPage(Page):
    """Redirects to a moment: `camera` (by default any with video then) and `at`, in the reader's time zone or with
    one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        slug, moment = request.GET.get("camera", ""), parse_moment(request.GET.get("at", ""))
        cameras = self.camera_ids(slug)
        if moment is None:
            return redirect(f"{reverse('clips')}?{urlencode({'camera': slug})}")
        found = showing(clips_for(request.user), cameras, moment)
        if found:
            window = Window.of(request.GET.dict(), Day.of(found[0].started_at, "day").range)
            return redirect(address_at(found[0], moment, window))
        return redirect(f"{reverse('clips')}{ClipFilter(day=self.day(moment), camera=slug).link(missed=moment)}")

    def camera_ids(self, slug: str) -> list[UUID]:
        if not slug:
            return [camera.pk for camera in visible_cameras(self.request.user)]
        try:
            return camera_ids(self.request.user, slug)
        except UnknownCamera as error:
            raise Http404(str(error)) from None

    def day(self, moment: datetime) -> Any:
        return Day.of(moment, "day").date


def address_at(clip: Clip, moment: datetime, window: Window | None = None) -> str:
    """The page of a clip, opened at `moment`, with `window` on its time-line."""
    values = {"t": f"{(moment - clip.started_at).total_seconds():g}"} | (window.values() if window else {})
    return f"{reverse('clip', args=[clip.pk])}?{urlencode(values)}"


def missed_moment(scope: Scope) -> dict[str, Any] | None:
    """A moment without video: the clips before and after it, of the chosen camera or of all cameras, and the clips of
    other cameras at that moment."""
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


PAGE = 48


@dataclass(frozen=True, slots=True)
class PageOfClips:
    """One page, and the cursors to the pages around it."""

    clips: list[Clip]
    earlier: Cursor | None = None
    later: Cursor | None = None


def page_of_clips(
    clips: QuerySet[Clip], ends: tuple[datetime, datetime], start: datetime | None, cursor: Cursor | None
) -> PageOfClips:
    """A page of the clips that show a part of the time between `ends`: from the cursor, else from `start`, else from
    the beginning."""
    begin, end = ends
    if cursor is not None and not cursor.newer:
        return _backward(beyond(overlapping(clips, begin, end), "started_at", cursor))
    if cursor is not None:
        return _forward(beyond(overlapping(clips, begin, end), "started_at", cursor), before=True)
    if start is None:
        return _forward(overlapping(clips, begin, end), before=False)
    return _forward(overlapping(clips, start, end), before=overlapping(clips, begin, start).exists())


def _forward(clips: QuerySet[Clip], *, before: bool) -> PageOfClips:
    found = list(clips.order_by("started_at", "id")[: PAGE + 1])
    shown = found[:PAGE]
    return PageOfClips(
        shown,
        _cursor(shown[0], newer=False) if before and shown else None,
        _cursor(shown[-1], newer=True) if len(found) > PAGE else None,
    )


def _backward(clips: QuerySet[Clip]) -> PageOfClips:
    found = list(clips.order_by("-started_at", "-id")[: PAGE + 1])
    shown = found[:PAGE][::-1]
    return PageOfClips(
        shown,
        _cursor(shown[0], newer=False) if len(found) > PAGE else None,
        _cursor(shown[-1], newer=True) if shown else None,
    )


def _cursor(clip: Clip, *, newer: bool) -> Cursor:
    return Cursor(clip.started_at, clip.pk, newer)
