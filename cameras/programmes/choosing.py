"""Programmes that choose each exposure when it is due, by what was captured and by the time. Django-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from cameras.spool.moments import Moment


@dataclass(frozen=True, slots=True)
class NextExposure:
    """Expose now."""

    requested: dict[str, Any]
    """The settings, and the options, of the exposure."""
    observation: dict[str, Any]
    """Goes into the plan of the capture, and into its record. Its `kind` is a key of `cameras.tables.OBSERVATIONS`."""
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Expose nothing for some time, and then choose again."""

    seconds: float
    reason: str
    is_fault: bool = False
    """It waits for something that is missing, and would expose otherwise: an alert follows."""


@dataclass(frozen=True, slots=True)
class Finished:
    """There is nothing to expose any more."""

    reason: str


Choice = NextExposure | Wait | Finished


class Chooser(Protocol):
    """Chooses for one session. It loads what it needs from files of the spool, so that the same choices follow after a
    kill. Used by the camera loop's thread."""

    def choose(self, index: int, now: Moment, *, bad_weather: bool) -> Choice:
        """What to do for the capture with this index. Called in each round of the loop, so it must be quick."""

    def could_choose(self, begin: Moment, end: Moment) -> bool:
        """Whether there was something to expose in a time in which nothing was chosen; also while that is not known."""

    def confirm(self, index: int) -> None:
        """The plan of the exposure that was chosen last for `index` is on the disk."""
