"""`burst` equal exposures in each cycle, as fast as the camera can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cameras.programmes.base import ProgrammeKind, Shot, exposure_words
from cameras.spool.records import Programme


class BurstKind(ProgrammeKind):
    def shots(self, programme: Programme, settings: Mapping[str, Any]) -> list[Shot]:
        return [dict(settings) for _ in range(programme["burst"])]

    def describe(self, programme: Programme, settings: Mapping[str, Any]) -> str:
        return f"{programme['burst']} x {exposure_words(programme, settings)}"
