"""The interface of a kind of programme, the kinds whose exposures repeat and their cycle, and how another kind
chooses each exposure when it is due. `cameras.tables.PROGRAMME_KINDS` lists the kinds. Django-free."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, cast

from cameras.spool.moments import Moment
from cameras.spool.records import Programme
from cameras.tables import PROGRAMME_KINDS
from core.registry import resolve
from core.times.durations import format_exposure

if TYPE_CHECKING:
    from cameras.spool.session_files import SessionFile
    from cameras.spool.spool import Spool

Shot: TypeAlias = dict[str, Any]
"""What one exposure requests: `exposure_us` and any of `gain`, `iso`, `f_number`, `format`, `options`."""
LONGEST_US = 3_600_000_000


class ProgrammeKind(ABC):
    """Pure: it knows no clock and no camera. `cameras.programmes.schedule` says when a cycle starts."""

    chooses: ClassVar[bool] = False
    """Whether each exposure is chosen when it is due, by `open_chooser`. No start counts as missed then: what an outage
    swallowed is a gap without a number of captures."""

    @abstractmethod
    def shots(self, programme: Programme, settings: Mapping[str, Any]) -> list[Shot]:
        """The exposures of one cycle, in their order; at least one.

        `settings` are those of the programme, or those that exposure control has chosen.
        """

    def rehearsal(self, programme: Programme, settings: Mapping[str, Any]) -> Shot:
        """An exposure that the camera rehearses at the start of a session, without taking it: what it would use, and
        what it cannot do, is recorded with the start."""
        return self.shots(programme, settings)[0]

    def open_chooser(self, spool: Spool, session: SessionFile) -> Chooser:
        """What chooses the exposures of a session. Only of a kind that `chooses`."""
        raise NotImplementedError

    def reference(self, programme: Programme) -> int:
        """The place in the cycle of the exposure by whose brightness exposure control chooses the settings."""
        return 0

    @abstractmethod
    def describe(self, programme: Programme, settings: Mapping[str, Any]) -> str:
        """The exposures of a cycle in words, such as `8 s` or `20 x 10 ms`."""


LIMITS = {"gain": "gain {:g} to {:g}", "iso": "ISO {:g} to {:g}", "f_number": "f/{:g} to f/{:g}"}
"""Setting that automatic exposure may change -> its limits in words."""


def exposure_words(programme: Programme, settings: Mapping[str, Any]) -> str:
    """`8 s`, or the limits of automatic exposure."""
    control = programme.get("control")
    if control is None:
        return format_exposure(settings["exposure_us"])
    shortest, longest = (format_exposure(limit) for limit in control["exposure_us"])
    limits = cast(Mapping[str, tuple[float, float] | None], control)
    more = [words.format(*pair) for name, words in LIMITS.items() if (pair := limits.get(name))]
    exposure = f"{shortest} to {longest} automatic"
    return f"{exposure} ({', '.join(more)})" if more else exposure


def limited_exposure(exposure_us: float) -> int:
    """The nearest exposure that a request may have, in whole microseconds."""
    return round(min(max(exposure_us, 1.0), LONGEST_US))


class IntervalKind(ProgrammeKind):
    def shots(self, programme: Programme, settings: Mapping[str, Any]) -> list[Shot]:
        return [dict(settings)]

    def describe(self, programme: Programme, settings: Mapping[str, Any]) -> str:
        return exposure_words(programme, settings)


class BracketKind(ProgrammeKind):
    def shots(self, programme: Programme, settings: Mapping[str, Any]) -> list[Shot]:
        return [{**settings, "exposure_us": exposure_us} for exposure_us in _exposures(programme, settings)]

    def reference(self, programme: Programme) -> int:
        steps = programme.get("ev_steps", [0.0])
        return min(range(len(steps)), key=lambda place: abs(steps[place]))

    def describe(self, programme: Programme, settings: Mapping[str, Any]) -> str:
        if "control" in programme:
            steps = ", ".join(f"{step:+g}" if step else "0" for step in programme["ev_steps"])
            return f"{steps} EV of {exposure_words(programme, settings)}"
        return ", ".join(format_exposure(exposure_us) for exposure_us in _exposures(programme, settings))


def _exposures(programme: Programme, settings: Mapping[str, Any]) -> list[int]:
    if "exposures_us" in programme:
        return programme["exposures_us"]
    return [limited_exposure(settings["exposure_us"] * 2.0**step) for step in programme["ev_steps"]]


class BurstKind(ProgrammeKind):
    def shots(self, programme: Programme, settings: Mapping[str, Any]) -> list[Shot]:
        return [dict(settings) for _ in range(programme["burst"])]

    def describe(self, programme: Programme, settings: Mapping[str, Any]) -> str:
        return f"{programme['burst']} x {exposure_words(programme, settings)}"


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


SETTINGS = ("exposure_us", "gain", "iso", "f_number", "format", "options")


@dataclass(frozen=True, slots=True)
class Cycle:
    shots: tuple[Shot, ...]

    def __len__(self) -> int:
        return len(self.shots)

    def exposure_s(self, shot: int) -> float:
        return float(self.shots[shot]["exposure_us"]) / 1e6

    @property
    def longest_s(self) -> float:
        """The longest of its exposures, in seconds."""
        return max(self.exposure_s(shot) for shot in range(len(self)))

    def capture_s(self, shot: int, overhead_s: float) -> float:
        """The longest time of a capture, in seconds. `overhead_s`: what it takes beyond its exposure."""
        return max(0.001, self.exposure_s(shot) + overhead_s)

    def length_s(self, overhead_s: float) -> float:
        """The longest time of the whole cycle, in seconds."""
        return sum(self.capture_s(shot, overhead_s) for shot in range(len(self)))


@cache
def programme_kind(name: str) -> ProgrammeKind:
    """KeyError for a kind that PROGRAMME_KINDS does not have."""
    kind: ProgrammeKind = resolve(PROGRAMME_KINDS[name])()
    return kind


def kind_of(programme: Programme) -> ProgrammeKind:
    # A session of an older version has no kind.
    return programme_kind(programme.get("kind", "interval"))


def settings_of(programme: Programme, chosen: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings of the programme, with those that exposure control has `chosen` instead."""
    own = {name: value for name, value in programme.items() if name in SETTINGS}
    return {**own, **(chosen or {})}


def cycle_of(programme: Programme, chosen: Mapping[str, Any] | None = None) -> Cycle:
    return Cycle(tuple(kind_of(programme).shots(programme, settings_of(programme, chosen))))


def rehearsal_of(programme: Programme) -> Shot:
    """The exposure that the camera rehearses at the start of a session."""
    return kind_of(programme).rehearsal(programme, settings_of(programme))


def reference_shot(programme: Programme) -> int:
    """The place in the cycle of the exposure that exposure control measures."""
    return kind_of(programme).reference(programme)


def describe_exposures(programme: Programme) -> str:
    """The exposures of a cycle in words."""
    return kind_of(programme).describe(programme, settings_of(programme))
