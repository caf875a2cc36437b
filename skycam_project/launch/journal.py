"""Restarts of parts, on their way into the event log.

The launcher imports no Django and must not wait for a database, so it leaves one small file for each
restart; the worker makes an event of it when it can, exactly once. While the worker is away, a short process of the
launcher's does.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

logger = logging.getLogger(__name__)
MOST_NOTES = 1000
ON_REQUEST = "restarted on request"


class Note(TypedDict):
    part: str
    reason: str
    restarts: int
    asked: bool
    at: str
    recovered: bool
    """It is out of a crash loop: no restart, and the end of its alert tells of it."""


def folder_in(run_folder: Path) -> Path:
    return run_folder / "parts"


class Journal:
    """The launcher's side. A note that cannot be written (full disk) is lost here, and stands in the log stream."""

    def __init__(self, run_folder: Path) -> None:
        self.folder = folder_in(run_folder)
        self.folder.mkdir(exist_ok=True)
        self.lost = 0

    def note(self, part: str, reason: str, restarts: int, *, asked: bool = False, recovered: bool = False) -> None:
        at = datetime.now(UTC).isoformat()
        note = Note(part=part, reason=reason, restarts=restarts, asked=asked, at=at, recovered=recovered)
        try:
            self._leave(note)
        except OSError:
            self.lost += 1

    def waiting(self) -> set[str]:
        """Names of the notes that nobody has taken in yet."""
        return {path.name for path in self.folder.glob("*.json")}

    def _leave(self, note: Note) -> None:
        if len(os.listdir(self.folder)) >= MOST_NOTES:
            raise FileExistsError(self.folder)
        unfinished = self.folder / f"unfinished-{os.getpid()}"  # launchers of single parts share the folder
        with unfinished.open("w") as file:
            file.write(json.dumps(note))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self.folder / f"{uuid.uuid4()}.json")


def take_in(run_folder: Path) -> int:
    """Make an event of each note, oldest first; returns how many. For a process with Django."""
    with _alone(folder_in(run_folder)):
        notes = [(path, note) for path in folder_in(run_folder).glob("*.json") if (note := _read(path))]
        for path, note in sorted(notes, key=lambda pair: pair[1]["at"]):
            if not note["recovered"]:
                _record(path.stem, note)
            path.unlink()
        return len(notes)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time takes notes in, so that none becomes two events."""
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> Note | None:
    """None when the note is broken: it is set aside, so that it keeps no other from the event log."""
    try:
        return _note(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        aside = path.rename(path.with_suffix(".bad"))
        logger.warning("The note of a restart cannot be read (%r) and was set aside as %s.", error, aside)
        return None


def _note(found: dict[str, Any]) -> Note:
    """ValueError, KeyError or TypeError when it is none."""
    at = datetime.fromisoformat(found["at"]).isoformat()
    return Note(
        part=str(found["part"]),
        reason=str(found["reason"]),
        restarts=int(found["restarts"]),
        asked=bool(found["asked"]),
        at=at,
        recovered=bool(found.get("recovered", False)),
    )


def _record(identity: str, note: Note) -> None:
    from django.db import transaction

    from monitoring.models import Event, Severity
    from monitoring.services import record_event

    with transaction.atomic():
        if Event.objects.filter(kind="part.restarted", data__note=identity).exists():
            return
        record_event(
            "part.restarted",
            f"{note['part']} {ON_REQUEST}." if note["asked"] else f"{note['reason']}; it was started again.",
            severity=Severity.INFO if note["asked"] else Severity.WARNING,
            subject=note["part"],
            data={"note": identity, "restarts": note["restarts"]},
            at=datetime.fromisoformat(note["at"]),
        )
