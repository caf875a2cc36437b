"""Restarts and crash loops of parts, until they are events and alerts. The launcher imports no Django and must not
wait for a database, so it writes one small file for each restart and for each part in a crash loop. The worker, or a
short-lived process of the launcher while the worker is away, turns each restart into exactly one event, and opens and
resolves alerts to match the crash loops. A kill between any two steps loses nothing: the files are the state and are
compared with the alerts again."""

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

from skycam_project.config import SkycamConfig
from skycam_project.config.redaction import REDACTED, secrets_of

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


LONGEST_LINE = 200


def alert_key(host: str, part: str) -> str:
    return f"part.crash_loop:{host}:{part}"


def crash_loop_sentence(part: str, reason: str, last_line: str, config: SkycamConfig) -> str:
    """The alert's message: the part, its last exit, its last log line without secrets, and what to do."""
    # The line is the part's own and may hold a secret. The alert is stored, and shown to users.
    for secret in secrets_of(config):
        last_line = last_line.replace(secret, REDACTED)
    last = f" Its last line: {last_line[:LONGEST_LINE]}" if last_line else ""
    return (
        f"{part} is in a crash loop on {config.host}: {reason}. It is restarted once a minute; the other parts keep "
        f"running.{last} Read {config.logging.file}, then restart it at once with `skycam restart {part}`."
    )


class CrashLoopFiles:
    """One file for each part in a crash loop, in the run folder. Two launchers never share a part."""

    def __init__(self, run_folder: Path) -> None:
        self.folder = run_folder / "crash-loops"

    def write(self, part: str, message: str) -> None:
        """Not fsynced: it is written again each minute. Raises OSError, for example on a full disk."""
        # Renamed when it is complete: a reader never finds half a file, since `read` skips names with a leading dot.
        unfinished = self.folder / f".{part}-{os.getpid()}"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        unfinished.write_text(json.dumps({"message": message}), encoding="utf-8")
        unfinished.replace(self._path(part))

    def remove(self, part: str) -> bool:
        """Returns whether there was a file."""
        try:
            self._path(part).unlink()
        except FileNotFoundError:
            return False
        return True

    def holds(self, part: str) -> bool:
        return self._path(part).exists()

    def keep_only(self, parts: list[str]) -> None:
        """Remove the files of parts that this station no longer has."""
        for part in self.read().keys() - set(parts):
            self.remove(part)

    def read(self) -> dict[str, str]:
        """Part -> message. An unreadable file still gives a message."""
        return {path.stem: _crash_loop_message(path) for path in sorted(self.folder.glob("[!.]*.json"))}

    def _path(self, part: str) -> Path:
        return self.folder / f"{part}.json"


def _crash_loop_message(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"{path.stem} is in a crash loop. `skycam ps` shows its last exit."


def report_crash_loops(run_folder: Path) -> None:
    """Open an alert for each part in a crash loop on this host, and resolve the alerts of parts that recovered. For a
    process with Django. Raises DatabaseError."""
    from django.conf import settings

    from core.events.models import Alert
    from core.events.service import raise_alert, resolve_alert

    host = settings.STATION.host
    found = {alert_key(host, part): (part, message) for part, message in CrashLoopFiles(run_folder).read().items()}
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED).filter(key__startswith=alert_key(host, ""))
    known = dict(unresolved.values_list("key", "message"))
    for key, (part, message) in found.items():
        # The worker calls this every 2 s: an unchanged alert is not written again.
        if known.get(key) != message:
            raise_alert(key, message, camera=None, severity="critical", data={"host": host, "part": part})
    for key in known.keys() - found.keys():
        resolve_alert(key)
