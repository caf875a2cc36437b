"""The pages of the gallery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from captures.capturing.models import Capture, CaptureStatus
from captures.capturing.selectors import all_captures_for, captures_for
from captures.days import Day, days_of_month, next_month, now, station_site
from captures.pages.gallery.pictures import position_in_day, tile_ratio
from captures.pages.gallery.scope import GalleryFilter, Scope, last_page, page_for
from captures.pages.gallery.tiles import (
    LOST,
    MAX_COUNTED,
    MAX_GAPS,
    CountQuery,
    PageOfCaptures,
    count_captures,
    tiles_of,
    total_exposure_us,
)
from captures.sessions.models import SessionGap
from captures.storage.trash.services import CaptureKept, trash_capture
from core.api.paging import beyond
from core.api.queries import Cursor
from core.events.selectors import events_for
from core.pages import Page, is_htmx_request, redirect_to
from core.station_settings import retention_config

EVENTS = 20
BAR = 40
"""Height of the calendar's highest bar, in pixels."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the calendar: saved captures, with lost ones on top; heights in pixels."""

    day: Day
    saved: int
    lost: int
    highest: int
    link: str
    chosen: bool
    later: bool

    @property
    def saved_height(self) -> float:
        return round(self.saved / self.highest * BAR, 1)

    @property
    def lost_height(self) -> float:
        """At least 3 pixels, so that a loss is always visible."""
        return max(3.0, round(self.lost / self.highest * BAR, 1)) if self.lost else 0.0

    @property
    def lost_top(self) -> float:
        return round(max(0.0, BAR - self.saved_height - self.lost_height), 1)

    @property
    def saved_top(self) -> float:
        return round(self.lost_top + self.lost_height, 1) if self.lost else BAR - self.saved_height


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter as a link, with the number of captures that it would show (None: not counted)."""

    label: str
    link: str
    chosen: bool
    count: int | None = None
    glyph: str = ""


class GalleryPage(Page):
    template = "gallery.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = GalleryFilter.from_query(request.GET.dict())
        scope = Scope(request.user, chosen)
        try:
            day = scope.day()
            return self.render(page_context(scope, day))
        except OverflowError:
            raise Http404("There is no such day.") from None


def page_context(scope: Scope, day: Day) -> dict[str, Any]:
    chosen = replace(scope.chosen, day=day.date)
    counts = GalleryCounts(scope, day, chosen.month or day.date.replace(day=1))
    capture_page = page_for(scope, day)
    gaps = gaps_of(scope, day.range)
    return {
        "day": day,
        "has_nights": station_site().has_nights,
        "session": scope.session,
        "missed": sum(gap.count for gap in gaps),
        "counts": counts,
        "choices": choices(scope, chosen, counts),
        "links": links(chosen, day, counts),
        "scrubber": scrubber_of(day, counts),
        "around": neighbour_days(scope, chosen, day),
        "filter_text": describe_filter(scope, chosen),
        "most": MAX_COUNTED,
        "moment": shown_moment(chosen, day, capture_page),
        **tiles_context(scope, chosen, day, capture_page, gaps),
    }


def tiles_context(
    scope: Scope, chosen: GalleryFilter, day: Day, capture_page: PageOfCaptures, gaps: list[SessionGap]
) -> dict[str, Any]:
    """What gallery/_tiles.html shows. `gaps`: those of the whole day."""
    begin, end = capture_page.span(day.range)
    shown_gaps = [gap for gap in gaps if begin <= gap.from_at < end]
    return {
        "chosen": chosen,
        "capture_page": capture_page,
        "tiles": tiles_of(capture_page.captures, shown_gaps, apart=bool(chosen.status)),
        "several": len(scope.cameras) > 1 and not chosen.camera,
        "position": position_in_day(scope, day, capture_page),
        "ratio": tile_ratio(capture_page.captures),
        "page_links": page_links(chosen, capture_page),
    }


class TilesPage(Page):
    """The tiles of one gallery page, for a gallery that loads them as it is scrolled; the query string is the page's.
    Behind the last capture of the day it is the last page."""

    template = "gallery/_tiles.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        scope = Scope(request.user, GalleryFilter.from_query(request.GET.dict()))
        try:
            day = scope.day()
            found = page_for(scope, day)
            if not found.captures and scope.chosen.at:
                found = last_page(scope, day)
        except OverflowError:
            raise Http404("There is no such day.") from None
        chosen = replace(scope.chosen, day=day.date)
        return self.render(tiles_context(scope, chosen, day, found, gaps_of(scope, day.range)))


@dataclass(frozen=True, slots=True)
class Scrubber:
    """The part of a night or day that has captures, and its hours: the begin of each, and whether it has some."""

    begin: datetime
    end: datetime
    hours: list[tuple[datetime, bool]]


def scrubber_of(day: Day, counts: GalleryCounts) -> Scrubber | None:
    """None for a day without captures that match."""
    found = [(span, there) for span, there in zip(day.hour_ranges, counts.hours, strict=True) if span[0] < span[1]]
    places = [place for place, (_, there) in enumerate(found) if there]
    if not places:
        return None
    shown = found[places[0] : places[-1] + 1]
    return Scrubber(shown[0][0][0], shown[-1][0][1], [(begin, there) for (begin, _), there in shown])


def shown_moment(chosen: GalleryFilter, day: Day, capture_page: PageOfCaptures) -> datetime:
    """The time that was chosen, else that of the first capture, else the beginning of the day."""
    if chosen.at:
        return day.at(chosen.at)
    return capture_page.captures[0].started_at if capture_page.captures else day.range[0]


def gaps_of(scope: Scope, span: tuple[datetime, datetime]) -> list[SessionGap]:
    """The gaps in that time range. Their captures count as skipped."""
    # A gap does not say whether its captures would have been simulated.
    if scope.chosen.status not in {"", CaptureStatus.SKIPPED} or scope.chosen.simulated:
        return []
    gaps = SessionGap.objects.select_related("session__camera").filter(from_at__gte=span[0], from_at__lt=span[1])
    if scope.camera_ids is not None:
        gaps = gaps.filter(session__camera_id__in=scope.camera_ids)
    if scope.session:
        gaps = gaps.filter(session=scope.session)
    return list(gaps[:MAX_GAPS])


class GalleryCounts:
    """All counts of a gallery page, from one query."""

    def __init__(self, scope: Scope, day: Day, month: date) -> None:
        self.scope, self.day, self.month = scope, day, month
        self.days = days_of_month(month, day.by)
        statuses = ("saved", "failed", "skipped", "planned")
        wanted = [scope.where(day, status) for status in statuses]
        wanted += [scope.where(day, cameras=[camera.pk]) for camera in scope.cameras]
        wanted += [self._of_month(each, "saved") for each in self.days]
        wanted += [self._of_month(each, *LOST) for each in self.days]
        hours = [scope.where_chosen(day, *hour) for hour in day.hour_ranges]
        # The counts come in the order of `wanted`, so the next() calls below must keep that order.
        found = iter(count_captures([*wanted, *hours]))
        self.saved, self.failed, self.skipped, self.planned = (next(found) for _ in statuses)
        self.of_camera = {camera.pk: next(found) for camera in scope.cameras}
        self.bars = self._bars([next(found) for _ in self.days], [next(found) for _ in self.days])
        self.hours = [bool(next(found)) for _ in hours]

    def _of_month(self, day: Day, *statuses: str) -> CountQuery:
        return CountQuery(*day.range, cameras=self.scope.camera_ids, statuses=statuses)

    def _bars(self, saved: list[int], lost: list[int]) -> list[Bar]:
        highest = max(map(sum, zip(saved, lost, strict=True))) or 1  # not 0: the bars are divided by it
        today = Day.of(now(), self.day.by).date
        return [
            Bar(
                day, saved[place], lost[place], highest, self.scope.chosen.link(day=day.date),
                day.date == self.day.date, day.date > today,
            )
            for place, day in enumerate(self.days)
        ]  # fmt: skip

    @property
    def total(self) -> int:
        return self.saved + self.failed + self.skipped + self.planned

    @property
    def chosen(self) -> int:
        """The number of captures that pass the filters."""
        status = self.scope.chosen.status
        return int(getattr(self, status)) if status else self.total

    @property
    def exposure_s(self) -> float | None:
        """Total exposure time in seconds; None when there are too many captures to add up."""
        if self.saved >= MAX_COUNTED:
            return None
        return total_exposure_us(self.scope.where(self.day, CaptureStatus.SAVED)) / 1e6


GLYPHS = {"saved": "ok", "failed": "bad", "skipped": "skip"}


def choices(scope: Scope, chosen: GalleryFilter, counts: GalleryCounts) -> dict[str, list[Choice]]:
    # By slug: a removed camera may have had the slug of a present one.
    of_slug: dict[str, int] = {}
    for camera in scope.cameras:
        of_slug[camera.slug] = of_slug.get(camera.slug, 0) + counts.of_camera[camera.pk]
    names = {camera.slug: camera.name for camera in scope.cameras if of_slug[camera.slug] or not camera.removed_at}
    cameras = [Choice("All cameras", chosen.link(camera=""), not chosen.camera, sum(of_slug.values()))]
    cameras += [
        Choice(name, chosen.link(camera=slug), chosen.camera == slug, of_slug[slug]) for slug, name in names.items()
    ]
    statuses = [
        Choice(
            status.capitalize(), chosen.link(status="" if chosen.status == status else status),
            chosen.status == status, getattr(counts, status), glyph,
        )
        for status, glyph in GLYPHS.items()
    ]  # fmt: skip
    other = [
        Choice(label, chosen.link(simulated="" if chosen.simulated == value else value), chosen.simulated == value)
        for value, label in (("no", "Real"), ("yes", "Simulated"))
    ]
    return {"cameras": cameras, "statuses": statuses, "simulated": other}


def page_links(chosen: GalleryFilter, capture_page: PageOfCaptures) -> dict[str, str]:
    """The queries of this page and of its neighbours; empty at the ends of the day."""
    return {
        "here": chosen.link(at=chosen.at, cursor=chosen.cursor),
        "earlier": chosen.link(cursor=capture_page.earlier) if capture_page.earlier else "",
        "later": chosen.link(cursor=capture_page.later) if capture_page.later else "",
    }


def links(chosen: GalleryFilter, day: Day, counts: GalleryCounts) -> dict[str, Any]:
    month = chosen.month or day.date.replace(day=1)
    return {
        "previous_month": chosen.link(day=chosen.day, month=next_month(month, -1)),
        "next_month": chosen.link(day=chosen.day, month=next_month(month, 1)),
        "night": chosen.link(by="night"),
        "day": chosen.link(by="day"),
        "no_session": chosen.link(session=None),
        "nothing": chosen.link(camera="", status="", session=None, simulated=""),
        "begin": chosen.link(),
        "newest": chosen.link(day=None),
        "hours": [
            (hour, chosen.link(at=hour) if there else "") for hour, there in zip(day.hours, counts.hours, strict=True)
        ],
    }


@dataclass(frozen=True, slots=True)
class NeighbourDay:
    """A neighbouring day that has captures."""

    date: date
    link: str


def neighbour_days(scope: Scope, chosen: GalleryFilter, day: Day) -> dict[str, NeighbourDay | None]:
    """The nearest days before and after with captures that match the filters, and the nearer of the two."""
    (begin, end), captures = day.range, scope.captures(simulated_too=True).select_related(None).prefetch_related(None)
    before = captures.filter(started_at__lt=begin).first()
    after = captures.filter(started_at__gte=end).order_by("started_at", "id").first()
    previous, following = (_neighbour_day(chosen, day, found) for found in (before, after))
    known = [one for one in (previous, following) if one]
    nearest = min(known, key=lambda one: abs(one.date - day.date), default=None)
    return {"previous": previous, "next": following, "nearest": nearest}


def _neighbour_day(chosen: GalleryFilter, day: Day, capture: Capture | None) -> NeighbourDay | None:
    if capture is None:
        return None
    found = Day.of(capture.started_at, day.by).date
    return NeighbourDay(found, chosen.link(day=found))


def describe_filter(scope: Scope, chosen: GalleryFilter) -> str:
    """The filters in words, such as `failed captures of Sky`."""
    names = {camera.slug: camera.name for camera in scope.cameras}
    simulated = {"yes": "simulated", "no": "real"}.get(chosen.simulated, "")
    words = [chosen.status, simulated, "captures"]
    words += [f"of {names.get(chosen.camera, chosen.camera)}"] if chosen.camera else []
    words += ["of this session"] if chosen.session else []
    return " ".join(filter(None, words))


class CapturePage(Page):
    template = "captures/capture.html"

    def get(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        found = all_captures_for(request.user).select_related("session").filter(pk=capture).first()
        if found is None:
            raise Http404("No such capture.")
        return self.render({"capture": found, **self.context_of(found)})

    def context_of(self, capture: Capture) -> dict[str, Any]:
        camera_captures = captures_for(self.request.user).prefetch_related(None).filter(camera_id=capture.camera_id)
        return {
            "is_away": any(file.is_offsite for file in capture.files.all()),
            "day": Day.of(capture.started_at, "night" if station_site().has_nights else "day"),
            "older": neighbour(camera_captures, capture, newer=False),
            "newer": neighbour(camera_captures, capture, newer=True),
            "events": list(events_for(self.request.user).filter(subject=str(capture.pk))[:EVENTS]),
        }


class CaptureDetails(CapturePage):
    """A capture's details, as a part of a page."""

    template = "captures/_details.html"

    def context_of(self, capture: Capture) -> dict[str, Any]:
        return {}


def neighbour(captures: QuerySet[Capture], capture: Capture, *, newer: bool) -> Capture | None:
    order = ("started_at", "id") if newer else ("-started_at", "-id")
    return beyond(captures, "started_at", Cursor(capture.started_at, capture.pk, newer)).order_by(*order).first()


class DeletePage(Page):
    """Shows the files of a capture, and moves it to the trash."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "captures/delete.html"

    def get(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        return self.render_page(self.capture())

    def post(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        found = self.capture()
        try:
            trash_capture(found, self.actor)
        except CaptureKept as error:
            return self.render_page(found, str(error), 409)
        messages.success(request, "The picture is in the trash.")
        return redirect_to(request, reverse("picture", args=[found.pk]))

    def capture(self) -> Capture:
        """Http404 also for a capture without files, one in the trash, or one that the user may not see."""
        found = captures_for(self.request.user).filter(pk=self.kwargs["capture"]).first()
        if found is None or not found.files.all():
            raise Http404("No such picture.")
        return found

    def render_page(self, capture: Capture, refusal: str = "", status: int = 200) -> HttpResponse:
        template = "captures/_delete.html" if is_htmx_request(self.request) else self.template
        context = {"capture": capture, "refusal": refusal, "days": retention_config().trash_days}
        return self.render(context, template, status)
