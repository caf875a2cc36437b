"""A session as pages show it: its state, its progress and its line of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.utils import timezone

from cameras.camera_display import camera_displays
from cameras.leases import LeaseHolder, lease_of, who_holds
from cameras.programmes.kinds import cycle_of, describe_exposures
from cameras.settings.settings_form import setting_label, with_unit
from captures.days import Day, station_site
from captures.pages.gallery.tiles import Tile
from captures.sessions.models import ACTIVE, Session
from captures.sessions.selectors import clock_of_page, holder, is_overdue, planned_end, progress_of, waits_of
from core.templatetags.skycam import datetime_text


@dataclass(frozen=True, slots=True)
class SessionDisplay:
    """A session with the values that its pages show."""

    session: Session

    @property
    def active(self) -> bool:
        return self.session.state in ACTIVE

    @property
    def holder(self) -> LeaseHolder | None:
        """The holder of the session's camera."""
        return who_holds(lease_of(self.session.camera), holder(self.session.camera, self.session))

    @property
    def programme(self) -> dict[str, Any]:
        found: dict[str, Any] = self.session.programme
        return found

    @property
    def exposures(self) -> str:
        """The exposures of a cycle in words."""
        return describe_exposures(self.session.programme)

    @property
    def until(self) -> datetime | None:
        return planned_end(self.session)

    @property
    def progress(self) -> float | None:
        """0 to 1; None for a session without an end."""
        return progress_of(self.session, self.session.planned)

    @property
    def late(self) -> bool:
        """Whether the next capture is overdue: the page shows old data, or the camera is not connected."""
        return is_overdue(self.session)

    @property
    def exposure_s(self) -> float:
        return self.session.exposure_total_us / 1e6

    @property
    def took_s(self) -> float | None:
        if self.session.started_at is None:
            return None
        return ((self.session.ended_at or timezone.now()) - self.session.started_at).total_seconds()

    @property
    def used(self) -> list[dict[str, str]]:
        """The settings that the camera uses, with the requested value where it differs."""
        camera, requested = self.session.camera, self.programme
        return [
            {
                "label": setting_label(name),
                "used": with_unit(camera, name, value),
                "asked": with_unit(camera, name, requested[name]) if requested.get(name) not in (None, value) else "",
            }
            for name, value in self.session.actual.items()
        ]

    @property
    def day(self) -> Day:
        at = self.session.started_at or self.session.created_at
        return Day.of(at, "night" if station_site().has_nights else "day")


def present_wait(session: Session, clock: Callable[[str], str] = clock_of_page) -> str:
    """Why a running session exposes nothing now; empty while it does. `clock` formats a time stamp."""
    if session.state != "running":
        return ""
    return waits_of(session, camera_displays([session.camera])[0].status, clock)


LINE_WIDTH = 1000.0
"""Width of the line, in its own units."""
MIN_MARK_WIDTH = 2.0
"""So that a single lost capture of a long night is visible."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A loss on the line; `x` and `width` in units of LINE_WIDTH."""

    kind: Literal["lost", "gap"]
    x: float
    width: float
    tile: Tile

    @property
    def summary(self) -> str:
        """What was lost and when: `3 missed at 2026-11-21 02:07:10`."""
        gap, capture = self.tile.gap, self.tile.capture
        lost = f"{gap.count} missed" if gap else f"{self.tile.count} {capture.status if capture else ''}"
        return f"{lost} at {datetime_text(self.tile.begin)}"


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session from `begin` to `end`. It ran until `done`; the rest is planned."""

    begin: datetime
    end: datetime
    done: datetime
    marks: list[Mark]
    is_estimate: bool
    """Whether `end` is computed from the number of captures."""

    @property
    def width_done(self) -> float:
        return self.x_of(self.done)

    @property
    def description(self) -> str:
        """The line for screen readers."""
        begin, end = datetime_text(self.begin), datetime_text(self.end)
        return f"From {begin} to {end}; what was not saved is listed below"

    @property
    def is_whole(self) -> bool:
        return self.done >= self.end

    def x_of(self, at: datetime) -> float:
        # Not 0: a session may end at the moment of its begin.
        share = (at - self.begin) / max(self.end - self.begin, timedelta(seconds=1))
        return LINE_WIDTH * min(1.0, max(0.0, share))


def session_line(session: Session, lost: Iterable[Tile]) -> SessionLine | None:
    """None before the session has begun. `lost`: tiles of its captures that were not saved."""
    if session.started_at is None:
        return None
    done = timezone.now() if session.state in ACTIVE else session.ended_at or session.started_at
    planned, is_estimate = _planned_end(session)
    end = max(done, planned) if planned and session.state in ACTIVE else done
    line = SessionLine(session.started_at, end, done, [], is_estimate and end > done)
    line.marks.extend(_mark_of(line, tile) for tile in lost)
    return line


def _mark_of(line: SessionLine, tile: Tile) -> Mark:
    begin, end = line.x_of(tile.begin), line.x_of(tile.end)
    width = max(MIN_MARK_WIDTH, end - begin)
    return Mark("gap" if tile.gap else "lost", min(begin, LINE_WIDTH - width), width, tile)


def _planned_end(session: Session) -> tuple[datetime | None, bool]:
    """The end by the programme, and whether it is an estimate."""
    if end := planned_end(session):
        return end, False
    programme = session.programme
    count = programme.get("count")
    if not count or session.started_at is None:
        return None, False
    cycle = cycle_of(programme)
    interval_s = programme.get("cadence_s") or cycle.length_s(0.0) + programme.get("delay_s", 0.0)
    try:
        return session.started_at + timedelta(seconds=count / len(cycle) * interval_s), True
    except OverflowError:
        return None, False  # `count` intervals may reach beyond the year 9999
