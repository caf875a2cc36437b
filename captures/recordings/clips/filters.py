"""The filter of the page of recordings. The whole filter is in the address, and every link is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q

from captures.days.parameters import parse_clock, parse_cursor, parse_day, parse_moment
from captures.recordings.clips.models import ClipKind
from captures.recordings.clips.windows import Window
from core.api.queries import Cursor

CONDITIONS = {
    "pinned": Q(pinned=True),
    "lost": Q(interrupted=True) | Q(lost_frames__gt=0),
    "real": Q(simulated=False),
    "simulated": Q(simulated=True),
}
"""Conditions of the filter `only`."""
LABELS = {"pinned": "Pinned", "lost": "With losses", "real": "Real", "simulated": "Simulated"}


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
