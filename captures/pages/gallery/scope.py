"""The captures that a user may see and that match the gallery's filters, and the page of them that the address
names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from cameras.models import Camera
from cameras.selectors import hidden_cameras
from cameras.visibility import UnknownCamera, camera_condition
from captures.capturing.models import Capture
from captures.capturing.selectors import captures_for
from captures.days.day import Day, now
from captures.pages.gallery.counting import CountQuery
from captures.pages.gallery.filters import SIMULATED, GalleryFilter
from captures.pages.gallery.tiles import PageOfCaptures, between, newest_page, page_of_captures
from captures.sessions.models import Session
from captures.sessions.selectors import sessions_for


class Scope:
    """The cameras that a user may see, and the chosen filters as conditions for rows and counts."""

    def __init__(self, user: Any, chosen: GalleryFilter) -> None:
        """Http404 for a camera or session that the user may not see."""
        self.user, self.chosen = user, chosen
        hidden = {camera.pk for camera in hidden_cameras(user)}
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
