"""Which clips a page shows: filter, cameras and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import Http404

from cameras.models import Camera
from cameras.selectors import UnknownCamera, camera_condition, visible_cameras
from captures.days import Day, now, parse_clock, parse_cursor, parse_day, parse_moment
from captures.recordings.clips.models import Clip, ClipKind
from captures.recordings.clips.selectors import clips_for, overlapping
from captures.recordings.clips.timeline_layout import TimelineLayout, Window, lay_out_timeline
from core.api.queries import Cursor

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
