"""Several exposure times in each cycle: given as times, or as EV steps from the programme's exposure.

With `exposures_us` the times are fixed. With `ev_steps` each step doubles the exposure, and exposure control moves the
whole bracket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cameras.programmes.base import ProgrammeKind, Shot, exposure_words, limited_exposure
from cameras.spool.records import Programme
from core.times.durations import format_exposure


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
