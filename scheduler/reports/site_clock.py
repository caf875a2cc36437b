"""Times of a night as the clocks of its site show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class SiteClock:
    """`begin` and `end` of the night decide whether its clocks change."""

    zone: ZoneInfo
    begin: datetime
    end: datetime

    def zone_name(self, at: datetime) -> str:
        """`CET`."""
        return at.astimezone(self.zone).tzname() or "UTC"

    @property
    def changes(self) -> bool:
        """Whether an hour of the clock is skipped or comes twice."""
        return self.zone_name(self.begin) != self.zone_name(self.end)

    @property
    def name(self) -> str:
        """`CET, Europe/Berlin`; both names in a night in which the clocks change."""
        first, last = self.zone_name(self.begin), self.zone_name(self.end)
        names = f"{first}, then {last}" if self.changes else first
        return names if names == self.zone.key else f"{names}, {self.zone.key}"

    def short(self, at: datetime) -> str:
        """`02:07`."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def time(self, at: datetime) -> str:
        """`02:07:10`, with the zone in a night in which the clocks change."""
        local = at.astimezone(self.zone)
        return f"{local:%H:%M:%S} {local.tzname()}" if self.changes else f"{local:%H:%M:%S}"

    def whole(self, at: datetime) -> str:
        """`2026-11-22 06:30:00 CET`."""
        local = at.astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"
