"""Restarts of parts, until they are in the event log.

The launcher imports no Django and must not wait for a database, so it writes one small file for each restart. The
worker turns each file into exactly one event. While the worker is away, a short-lived process of the launcher does it.
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
MAX_RECORDS = 1000
ON_REQUEST = "restarted on request"


class RestartRecord(TypedDict):
    part: str
    reason: str
    restarts: int
    asked: bool
    at: str
    recovered: bool
    """The part left its crash loop. This is no restart and gives no event: its alert is resolved instead."""


def journal_folder(run_folder: Path) -> Path:
    return run_folder / "parts"


class RestartJournal:
    """The launcher's side. A record that cannot be written (full disk) is lost here; the log stream still has it."""

    def __init__(self, run_folder: Path) -> None:
        self.folder = journal_folder(run_folder)
        self.folder.mkdir(exist_ok=True)
        self.lost = 0

    def record_restart(
        self, part: str, reason: str, restarts: int, *, on_request: bool = False, recovered: bool = False
    ) -> None:
        at = datetime.now(UTC).isoformat()
        record = RestartRecord(
            part=part, reason=reason, restarts=restarts, asked=on_request, at=at, recovered=recovered
        )
        try:
            self._write_record(record)
        except OSError:
            self.lost += 1

    def pending(self) -> set[str]:
        """File names of the records that are not in the event log yet."""
        return {path.name for path in self.folder.glob("*.json")}

    def _write_record(self, record: RestartRecord) -> None:
        if len(os.listdir(self.folder)) >= MAX_RECORDS:
            # An OSError, which the caller counts as a lost record: without a database the files would fill the disk.
            raise FileExistsError(self.folder)
        unfinished = self.folder / f"unfinished-{os.getpid()}"  # several launchers of single parts share the folder
        with unfinished.open("w") as file:
            file.write(json.dumps(record))
            # Durable before it has its name: a power cut could otherwise leave an empty file with that name.
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self.folder / f"{uuid.uuid4()}.json")


def record_restarts(run_folder: Path) -> int:
    """Create an event for each record, oldest first; returns their number. For a process with Django."""
    with _locked(journal_folder(run_folder)):
        records = [
            (path, record) for path in journal_folder(run_folder).glob("*.json") if (record := _read_record(path))
        ]
        for path, record in sorted(records, key=lambda pair: pair[1]["at"]):
            if not record["recovered"]:
                _create_event(path.stem, record)
            # After the event: a kill in between repeats it, and `_create_event` finds the event by the file's name.
            path.unlink()
        return len(records)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time reads the records, so that none becomes two events."""
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_record(path: Path) -> RestartRecord | None:
    """None when the record is malformed. It is set aside, so that it does not block the others."""
    try:
        return _parse_record(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        aside = path.rename(path.with_suffix(".bad"))
        logger.warning("The record of a restart cannot be read (%r) and was set aside as %s.", error, aside)
        return None


def _parse_record(found: dict[str, Any]) -> RestartRecord:
    """Raises ValueError, KeyError or TypeError for a malformed record."""
    at = datetime.fromisoformat(found["at"]).isoformat()
    return RestartRecord(
        part=str(found["part"]),
        reason=str(found["reason"]),
        restarts=int(found["restarts"]),
        asked=bool(found["asked"]),
        at=at,
        recovered=bool(found.get("recovered", False)),
    )


def _create_event(identity: str, record: RestartRecord) -> None:
    from django.db import transaction

    from core.events.models import Event
    from core.events.service import record_event
    from core.events.severity import Severity

    with transaction.atomic():
        if Event.objects.filter(kind="part.restarted", data__note=identity).exists():
            return
        record_event(
            "part.restarted",
            f"{record['part']} {ON_REQUEST}." if record["asked"] else f"{record['reason']}; it was started again.",
            camera=None,
            severity=Severity.INFO if record["asked"] else Severity.WARNING,
            subject=record["part"],
            data={"note": identity, "restarts": record["restarts"]},
            at=datetime.fromisoformat(record["at"]),
        )
