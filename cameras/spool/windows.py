"""The windows of a programme: the times in which its session captures."""

from __future__ import annotations

from dataclasses import dataclass

from cameras.spool.moments import seconds_of
from cameras.spool.records import Programme


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
