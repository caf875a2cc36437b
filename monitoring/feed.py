"""Events as a person reads them: a run of saved captures is one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from monitoring.models import Event
from monitoring.selectors import events_for

SAVED = "capture.saved"
LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Line:
    """The newest event of a run, and what the line says of them all."""

    event: Event
    message: str


def feed(user: Any, lines: int, **conditions: Any) -> list[Line]:
    """The newest lines, folded from the newest events alone: a night of captures costs no more than an hour."""
    return list(folded(events_for(user).filter(**conditions)[:LOOKED_AT]))[:lines]


def folded(events: Iterable[Event]) -> Iterable[Line]:
    for saved, run in groupby(events, key=lambda event: event.kind == SAVED):
        listed = list(run)
        if saved and len(listed) > 1:
            cameras = ", ".join(sorted({event.camera for event in listed}))
            yield Line(listed[0], f"{len(listed)} captures saved: {cameras}.")
        else:
            yield from (Line(event, event.message) for event in listed)
