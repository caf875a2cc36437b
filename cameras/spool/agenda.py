"""The agenda of a camera: the sessions that its process begins by itself, while everything else may be away.

It is the file `agenda.state` of the spool, replaced durably. It is no record: nothing ingests it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal, NotRequired, TypedDict

from cameras.spool.moments import seconds_of
from cameras.spool.records import Programme
from cameras.spool.session_files import DesiredSession
from cameras.spool.spool import Spool

NAME = "agenda.state"
AGENDA_S = 48 * 3600.0
"""How far ahead an agenda reaches."""
AGENDA_BYTES = 110_000
"""The longest agenda. The file, with the ids of the runs that have begun, then fits into a large slot of the spool, and
two messages into the link."""


OnHeld = Literal["wait", "take_over"]
"""What a run does while a user holds the camera, by a session or a lease: it begins when the camera is free, or at
once."""


class PlannedRun(TypedDict):
    """A session to come. Its id is that of the session."""

    id: str
    name: str
    programme: str
    """A key of `Agenda.programmes`."""
    windows: list[tuple[str, str]]
    created_by: str
    on_held: NotRequired[OnHeld]
    """`wait` when it is missing."""


class Agenda(TypedDict):
    """The runs in the order of their begin. Programmes are apart: many runs of two days have the same."""

    programmes: dict[str, Programme]
    runs: list[PlannedRun]


class AgendaContent(Agenda):
    """The file."""

    begun: list[str]
    """Ids of runs that have begun: none begins twice, whatever a later agenda says."""
    boot: str
    """The boot of the machine on which it was stored."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its planner names it."""

    id: str
    name: str
    programme: Programme
    """Without windows."""
    windows: Sequence[tuple[str, str]]
    created_by: str
    on_held: OnHeld = "wait"


def build_agenda(runs: Iterable[Run], most_bytes: int = AGENDA_BYTES) -> Agenda:
    """The agenda of these runs, which are in the order of their begin. Runs that do not fit into `most_bytes` are left
    out, from the last: a later agenda has them."""
    agenda, keys, size = Agenda(programmes={}, runs=[]), dict[str, str](), 64
    for run in runs:
        text = json.dumps(run.programme, sort_keys=True)
        is_new = text not in keys
        key = keys.setdefault(text, str(len(keys)))
        planned = PlannedRun(
            id=run.id, name=run.name, programme=key, windows=list(run.windows), created_by=run.created_by,
            on_held=run.on_held,
        )  # fmt: skip
        # The id a second time, for the list of those that have begun.
        size += len(json.dumps(planned, ensure_ascii=False).encode()) + len(run.id) + 4
        size += len(text.encode()) + len(key) + 4 if is_new else 0
        if size > most_bytes:
            break
        agenda["programmes"][key] = run.programme
        agenda["runs"].append(planned)
    return agenda


@dataclass(slots=True)
class AgendaFile:
    """The agenda of a spool. Used by its owner's camera loop."""

    agenda: Agenda = field(default_factory=lambda: Agenda(programmes={}, runs=[]))
    begun: set[str] = field(default_factory=set)
    boot: str = ""

    @classmethod
    def load(cls, spool: Spool) -> AgendaFile:
        """Empty when there is no file. ValueError, KeyError or TypeError when it is not what `save` wrote."""
        if spool.files.size(spool.folder, NAME) is None:
            return cls()
        content = spool.read(NAME)
        agenda = Agenda(programmes=dict(content["programmes"]), runs=list(content["runs"]))
        return cls(agenda, set(content["begun"]), str(content["boot"]))

    def save(self, spool: Spool) -> None:
        """Durable when it returns. OSError."""
        content = AgendaContent(
            programmes=self.agenda["programmes"], runs=self.agenda["runs"], begun=sorted(self.begun), boot=self.boot
        )
        spool.replace(NAME, content)

    def replace(self, agenda: Agenda) -> bool:
        """The agenda is this from now on; False when it is already."""
        if agenda == self.agenda:
            return False
        self.agenda = agenda
        # An id that no longer stands in the agenda cannot begin.
        self.begun &= {run["id"] for run in agenda["runs"]}
        return True

    def next_run(self) -> PlannedRun | None:
        """The run that begins first, of those that have not begun."""
        return next(iter(self._left()), None)

    def due_runs(self, wall: float) -> list[PlannedRun]:
        """The runs whose begin has passed and that have not begun, in the order of their begin."""
        return list(takewhile(lambda run: begin_of(run) <= wall, self._left()))

    def next_begin(self, wall: float) -> float | None:
        """The next begin of a run after `wall`."""
        return next((begin for run in self._left() if (begin := begin_of(run)) > wall), None)

    def _left(self) -> list[PlannedRun]:
        return sorted((run for run in self.agenda["runs"] if run["id"] not in self.begun), key=begin_of)

    def has_run(self, session: str) -> bool:
        return any(run["id"] == session for run in self.agenda["runs"])

    def desired_session(self, run: PlannedRun) -> DesiredSession:
        """ValueError or KeyError for a run that cannot be begun."""
        begin_of(run)
        programme = self.agenda["programmes"][run["programme"]]
        return DesiredSession(
            id=run["id"],
            name=run["name"],
            revision=1,
            desired="running",
            programme={**programme, "windows": [(begin, end) for begin, end in run["windows"]]},
            created_by=run["created_by"],
            so_far={},
        )


def begin_of(run: PlannedRun) -> float:
    """Seconds since 1970 of the begin of its first window."""
    return seconds_of(run["windows"][0][0])


def end_of(run: PlannedRun) -> float:
    """Seconds since 1970 of the end of its last window."""
    return seconds_of(run["windows"][-1][1])
