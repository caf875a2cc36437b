"""A session with the values that its pages show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from cameras.camera_display import camera_displays
from cameras.leases.lease_holders import LeaseHolder, lease_of, who_holds
from cameras.programmes.cycle import describe_exposures
from cameras.settings.settings_form import setting_label, with_unit
from captures.days.day import Day, station_site
from captures.sessions.holders import holder
from captures.sessions.models import ACTIVE, Session
from captures.sessions.progress import clock_of_page, is_overdue, planned_end, progress_of, waits_of


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
