"""The page of clips with its time-lines, and the address of the clip at a moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from cameras.selectors import UnknownCamera, camera_ids, visible_cameras
from captures.days import Day, parse_moment
from captures.recordings.clips.models import Clip, ClipKind
from captures.recordings.clips.scope import CONDITION_LABELS, ClipFilter, Scope
from captures.recordings.clips.selectors import clips_for, first_after, last_before, overlapping, showing
from captures.recordings.clips.timeline_layout import Window, middle_of_content, window_controls
from core.api.paging import beyond
from core.api.queries import Cursor
from core.pages.page import Page, is_htmx_request

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
