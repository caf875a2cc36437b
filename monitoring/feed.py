"""Events as a person reads them: a run of saved captures and of clips that follow each other is one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from monitoring.models import Event
from monitoring.selectors import events_for

ROUTINE = {"capture.saved": "capture{s} saved", "recording.rotated": "clip{s} recorded"}
"""Kinds that say all is well, again and again."""
TOLD_ALREADY = ("command.done",)
"""Kinds that add nothing to the line of what was asked."""
LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Line:
    """The newest event of a run, and what the line says of them all."""

    event: Event
    message: str


def feed(user: Any, lines: int, **conditions: Any) -> list[Line]:
    """The newest lines, folded from the newest events alone: a night of captures costs no more than an hour."""
    events = events_for(user).filter(**conditions).exclude(kind__in=TOLD_ALREADY)
    return list(folded(events[:LOOKED_AT]))[:lines]


def folded(events: Iterable[Event]) -> Iterable[Line]:
    for routine, run in groupby(events, key=lambda event: event.kind in ROUTINE):
        listed = list(run)
        if routine and len(listed) > 1:
            yield Line(listed[0], together(listed))
        else:
            yield from (Line(event, event.message) for event in listed)


def together(events: Sequence[Event]) -> str:
    """38 captures saved, 2 clips recorded: dslr, lab."""
    counted = Counter(event.kind for event in events)
    told = [(counted[kind], words) for kind, words in ROUTINE.items() if counted[kind]]
    parts = [f"{count} {words.format(s='s' if count > 1 else '')}" for count, words in told]
    cameras = sorted({event.camera for event in events})
    return f"{', '.join(parts)}: {', '.join(cameras)}."
