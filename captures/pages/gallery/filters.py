"""The gallery's filters: all of them are in the address, and every link is built from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.utils import timezone

from captures.capturing.models import CaptureStatus
from captures.capturing.queries import CaptureQuery
from captures.days.day import By, Day, station_site
from captures.days.parameters import parse_clock, parse_cursor, parse_day, parse_id, parse_moment
from core.api.queries import Cursor

SIMULATED = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class GalleryFilter:
    """Filters of the gallery. Invalid values are ignored. `day` None: the newest day with captures."""

    by: By
    day: date | None = None
    month: date | None = None
    camera: str = ""
    status: str = ""
    session: UUID | None = None
    simulated: str = ""
    at: time | None = None
    cursor: Cursor | None = None

    @classmethod
    def from_query(cls, given: Mapping[str, str]) -> GalleryFilter:
        by: By = "night" if station_site().has_nights and given.get("by") != "day" else "day"
        wanted = given.get("to", "").strip()
        moment = None if parse_day(wanted) else parse_moment(wanted)
        return cls(
            by=by,
            day=Day.of(moment, by).date if moment else parse_day(wanted) or parse_day(given.get("day", "")),
            month=parse_day(f"{given.get('month', '')}-01"),
            camera=given.get("camera", ""),
            status=given.get("status", "") if given.get("status") in CaptureStatus.values else "",
            session=parse_id(given.get("session", "")),
            simulated=given.get("simulated", "") if given.get("simulated") in SIMULATED else "",
            at=timezone.localtime(moment).time() if moment else parse_clock(given.get("at", "")),
            cursor=parse_cursor(given.get("cursor", "")),
        )

    def link(self, **changes: Any) -> str:
        """The gallery's query string with `changes`. A changed filter starts at the beginning of the day."""
        other = replace(self, **({"at": None, "cursor": None, "month": None} | changes))
        values = {
            "by": "day" if other.by == "day" and station_site().has_nights else "",
            "day": other.day.isoformat() if other.day else "",
            "month": f"{other.month:%Y-%m}" if other.month else "",
            "camera": other.camera,
            "status": other.status,
            "session": str(other.session) if other.session else "",
            "simulated": other.simulated,
            "at": f"{other.at:%H:%M}" if other.at else "",
            "cursor": other.cursor.text() if other.cursor else "",
        }
        return f"?{urlencode({name: value for name, value in values.items() if value})}"

    def conditions(self) -> dict[str, Any]:
        """Conditions for captures, without the camera, which depends on the user."""
        return CaptureQuery(
            session=self.session,
            status=CaptureStatus(self.status) if self.status else None,
            simulated=SIMULATED.get(self.simulated),
        ).conditions()
