"""The nights of a month: each from the row of its report, and the present one computed."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from cameras.models import Camera
from captures.capturing.models import Capture
from core.stations.record import installed_at
from scheduler.reports.comparison import PastNight, reported_nights
from scheduler.reports.models import ReportedNight
from scheduler.reports.report import main_site, night_report, percent_of, seen_cameras
from scheduler.runs.models import PlannedRun
from scheduler.runs.rules import night_at

DAY = timedelta(days=1)
LIVE = 2
"""The present night and the one before are computed: their rows may not be written yet."""


@dataclass(frozen=True, slots=True)
class CalendarNight:
    """`state` as of a report, or `unknown`: the night is not reported yet. Its numbers are then None."""

    night: date
    state: str
    planned: int | None = None
    saved: int | None = None
    lost_s: float | None = None
    percent: float | None = None

    @property
    def is_linked(self) -> bool:
        return self.state != "future"


@dataclass(frozen=True, slots=True)
class Month:
    first: date
    nights: list[CalendarNight]
    earliest: date | None
    """The night of the oldest capture that the reader may see; None before the first."""

    @property
    def name(self) -> str:
        """`2026-11`."""
        return f"{self.first:%Y-%m}"

    @property
    def weeks(self) -> list[list[CalendarNight | None]]:
        """From Monday to Sunday; None outside of the month."""
        padded = [None] * self.first.weekday() + [*self.nights]
        padded += [None] * (-len(padded) % 7)
        return [padded[start : start + 7] for start in range(0, len(padded), 7)]


def month_of(first: date, viewer: Any, now: datetime | None = None) -> Month:
    """`first`: the first day of the month."""
    now = now or timezone.now()
    cameras = seen_cameras(viewer)
    site = main_site(cameras)
    present = night_at(site, now)
    days = [first.replace(day=number + 1) for number in range(calendar.monthrange(first.year, first.month)[1])]
    reported = {one.night: one for one in reported_nights(days[0], days[-1], cameras)}
    known = set(ReportedNight.objects.filter(night__range=(days[0], days[-1])).values_list("night", flat=True))
    live = {present - number * DAY for number in range(LIVE)} - known | {present}
    earliest = _earliest(cameras, present)
    first_known = min(filter(None, [earliest, _earliest_run(cameras)]), default=None)
    if first_known:
        first_known = max(first_known, night_at(site, installed_at()))
    nights = [_night(day, present, first_known, reported.get(day), day in known) for day in days if day not in live]
    nights += [_live(day, cameras, viewer, now) for day in days if day in live]
    return Month(first, sorted(nights, key=lambda one: one.night), earliest)


def _earliest(cameras: Iterable[Camera], present: date) -> date | None:
    oldest = Capture.objects.filter(camera__in=[camera.pk for camera in cameras]).order_by("started_at", "id").first()
    # A camera with a wrong clock may have captures in the future.
    return min(oldest.started_at.date() - DAY, present) if oldest else None


def _earliest_run(cameras: Iterable[Camera]) -> date | None:
    """A night may have had a run that never began, and no capture."""
    runs = PlannedRun.objects.filter(camera__in=[camera.pk for camera in cameras]).exclude(night=None)
    return runs.order_by("night").values_list("night", flat=True).first()


def _night(day: date, present: date, earliest: date | None, found: PastNight | None, is_known: bool) -> CalendarNight:
    if day > present:
        return CalendarNight(day, "future")
    if found is None:
        is_empty = is_known or earliest is None or day < earliest
        return CalendarNight(day, "nothing" if is_empty else "unknown")
    if found.is_empty:
        return CalendarNight(day, "nothing")
    state = "complete" if found.is_complete else "incomplete"
    percent = percent_of(found.saved, found.planned + found.missing)
    return CalendarNight(day, state, found.planned, found.saved, found.lost_s, percent)


def _live(day: date, cameras: list[Camera], viewer: Any, now: datetime) -> CalendarNight:
    report = night_report(day, cameras, viewer, now)
    if report.state in ("future", "nothing"):
        return CalendarNight(day, report.state)
    lost_s = sum(one.lost.total_seconds() for one in report.cameras)
    return CalendarNight(day, report.state, report.counts.planned, report.counts.saved, lost_s, report.percent)
