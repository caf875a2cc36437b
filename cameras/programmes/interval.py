"""One exposure in each cycle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cameras.programmes.base import ProgrammeKind, Shot, exposure_words
from cameras.spool.records import Programme


class IntervalKind(ProgrammeKind):
    def shots(self, programme: Programme, settings: Mapping[str, Any]) -> list[Shot]:
        return [dict(settings)]

    def describe(self, programme: Programme, settings: Mapping[str, Any]) -> str:
        return exposure_words(programme, settings)
