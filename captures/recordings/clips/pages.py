"""Recordings by day: a time-line for each camera, its clips, and links to other days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse

from captures.days.day import Day
from captures.recordings.clips.filters import LABELS, ClipFilter
from captures.recordings.clips.models import Clip, ClipKind
from captures.recordings.clips.moment_pages import missed_moment
from captures.recordings.clips.paging import PageOfClips, page_of_clips
from captures.recordings.clips.scope import Scope
from captures.recordings.clips.selectors import overlapping
from captures.recordings.clips.timeline_layout import middle_of_content
from captures.recordings.clips.windows import controls
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
        "controls": controls(
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
        "only": [_toggle(chosen, "only", name, label) for name, label in LABELS.items()],
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
