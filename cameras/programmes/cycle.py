"""The cycle of a programme: the exposures that it repeats, one directly after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cameras.programmes.kinds import ProgrammeKind, Shot
from cameras.spool.records import Programme
from cameras.tables import PROGRAMME_KINDS
from core.registry import resolve

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
