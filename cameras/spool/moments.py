"""Times of a camera process, by the wall clock and by the boot clock of the machine, and the windows of a programme."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cameras.spool.records import MomentContent, Programme


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that is not affected by a jump of the wall clock, as long as the machine stays up. `boot` is empty for a
    time of which only the wall clock is known."""

    wall: float
    boot: str
    boot_s: float

    def seconds_until(self, now: Moment) -> float:
        """By the boot clock within one boot, otherwise by the wall clock."""
        return now.boot_s - self.boot_s if self.boot and now.boot == self.boot else now.wall - self.wall

    def on_boot_of(self, now: Moment) -> Moment:
        """The same time on the boot clock of `now`; assumes that its wall clock is right."""
        return self if self.boot == now.boot else Moment(self.wall, now.boot, now.boot_s - (now.wall - self.wall))

    def earlier(self, seconds: float) -> Moment:
        return Moment(self.wall - seconds, self.boot, self.boot_s - seconds)

    def iso(self) -> str:
        return iso(self.wall)

    def at_wall(self, wall: float) -> Moment:
        """The moment at which the wall clock shows `wall`, if it is not set until then."""
        return Moment(wall, self.boot, self.boot_s + wall - self.wall)

    def at_boot_s(self, boot_s: float) -> Moment:
        """The moment at which the boot clock shows `boot_s`, if the wall clock is not set until then."""
        return Moment(self.wall + boot_s - self.boot_s, self.boot, boot_s)

    def content(self) -> MomentContent:
        return MomentContent(wall=self.wall, boot=self.boot, boot_s=self.boot_s)


def seconds_of(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 time."""
    return datetime.fromisoformat(text).timestamp()


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which a session captures, in seconds since 1970, UTC."""

    begin: float
    end: float

    @property
    def length_s(self) -> float:
        return self.end - self.begin


def parse_windows(programme: Programme) -> list[Window]:
    return [Window(seconds_of(begin), seconds_of(end)) for begin, end in programme.get("windows", [])]
