"""The filters of the gallery, the captures that a user may see and that match them, and the page of them that the
address names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone

from cameras.models import Camera
from cameras.selectors import UnknownCamera, camera_condition, hidden_ids
from captures.capturing.api import CaptureQuery
from captures.capturing.models import Capture, CaptureStatus
from captures.capturing.selectors import captures_for
from captures.days import By, Day, now, parse_clock, parse_cursor, parse_day, parse_id, parse_moment, station_site
from captures.pages.gallery.tiles import CountQuery, PageOfCaptures, between, newest_page, page_of_captures
from captures.sessions.models import Session
from captures.sessions.selectors import sessions_for
from core.api.queries import Cursor


class Scope:
    """The cameras that a user may see, and the chosen filters as conditions for rows and counts."""

    def __init__(self, user: Any, chosen: GalleryFilter) -> None:
        """Http404 for a camera or session that the user may not see."""
        self.user, self.chosen = user, chosen
        hidden = hidden_ids(user)
        self.cameras = [camera for camera in Camera.objects.all() if camera.pk not in hidden]
        self.all_seen = not hidden
        try:
            self.conditions = camera_condition(user, chosen.camera or None) | chosen.conditions()
        except UnknownCamera as error:
            raise Http404(str(error)) from None
        self.session = self._session()

    def _session(self) -> Session | None:
        if self.chosen.session is None:
            return None
        found = sessions_for(self.user).filter(pk=self.chosen.session).first()
        if found is None:
            raise Http404("No such session.")
        return found

    @property
    def camera_ids(self) -> list[UUID] | None:
        """None: all cameras."""
        if self.chosen.camera:
            return [camera.pk for camera in self.cameras if camera.slug == self.chosen.camera]
        # Without a condition on the camera, the database walks the index on time alone.
        return None if self.all_seen else [camera.pk for camera in self.cameras]

    def where(self, day: Day, *statuses: str, **more: Any) -> CountQuery:
        values: dict[str, Any] = {"cameras": self.camera_ids, "session": self.chosen.session}
        values["simulated"] = SIMULATED.get(self.chosen.simulated)
        return CountQuery(*day.range, statuses=statuses, **(values | more))

    def where_chosen(self, day: Day, begin: datetime, end: datetime) -> CountQuery:
        """Counts whether a part of the day has captures that match all filters: counting stops at one."""
        statuses = [self.chosen.status] if self.chosen.status else []
        return replace(self.where(day, *statuses), begin=begin, end=end, most=1)

    def captures(self, *, simulated_too: bool = False) -> QuerySet[Capture]:
        """The captures that match the filters. `simulated` is not in an index, so queries beyond one day leave it out
        (`simulated_too`)."""
        excluded = {"simulated"} if simulated_too else set()
        return captures_for(self.user).filter(
            **{name: value for name, value in self.conditions.items() if name not in excluded}
        )

    def assign_cameras(self, captures: Iterable[Capture]) -> None:
        """Set the captures' cameras. Captures of one camera share its object, which has large JSON fields."""
        known = {camera.pk: camera for camera in self.cameras}
        for capture in captures:
            if capture.camera_id in known:  # a camera that was just added is read on access
                capture.camera = known[capture.camera_id]

    def day(self) -> Day:
        """The chosen day, else the newest with captures, else today."""
        by = self.chosen.by
        if self.chosen.day:
            return Day(self.chosen.day, by)
        if self.session:
            return Day.of(self.session.ended_at or now(), by)
        # Only its time is used: neither camera nor files are read.
        newest = self.captures(simulated_too=True).select_related(None).prefetch_related(None).first()
        return Day.of(newest.started_at if newest else now(), by)


def page_for(scope: Scope, day: Day) -> PageOfCaptures:
    """The page that the filters name. Without a time or a cursor: the last page of a running night or day, the first
    page of any other."""
    chosen, (begin, end) = scope.chosen, day.range
    # Without a join, which would read the camera's large JSON fields with each row: `assign_cameras` sets them.
    captures = scope.captures().select_related(None)
    if chosen.at is None and chosen.cursor is None and chosen.day is None and begin <= now() < end:
        found = newest_page(between(captures, begin, end))
    else:
        found = page_of_captures(captures, (begin, end), day.at(chosen.at) if chosen.at else None, chosen.cursor)
    scope.assign_cameras(found.captures)
    return found


def last_page(scope: Scope, day: Day) -> PageOfCaptures:
    """The last page of that night or day."""
    found = newest_page(between(scope.captures().select_related(None), *day.range))
    scope.assign_cameras(found.captures)
    return found


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
