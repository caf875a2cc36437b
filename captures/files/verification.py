"""Files are verified against their rows; the alerts of missing and damaged files close once they are whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from cameras.models import Camera
from cameras.spool.storage import read_marker, root_missing_message
from captures.capturing.models import CaptureFile
from captures.files.opened import FileMissing, open_below
from captures.files.serving import Stored, check_size, raise_missing_alert
from captures.recordings.clips.models import Clip
from captures.roots.models import Kept, StorageRoot
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, resolve_alert
from core.jobs.context import JobContext
from core.text.sentences import pluralize

CHUNK_BYTES = 1 << 20
BATCH = 200
MAX_LISTED = 1000
"""Faulty files in the result, and alerts that one job raises. All are counted."""


class FaultyFile(TypedDict):
    """`what` is missing, also for a file of another size, or damaged."""

    camera: str
    path: str
    what: str
    message: str


class Stopped(Exception):
    """The job is to stop."""


class FileFaulty(Exception):
    """The file is missing, or its content has changed. The message says which."""


class RootAway(Exception):
    """The disk of the file is not mounted."""


@dataclass(slots=True)
class Findings:
    """The result so far; the checkpoint holds it with the place where the next attempt continues."""

    files: int = 0
    bytes: int = 0
    missing: int = 0
    damaged: int = 0
    problems: list[str] = field(default_factory=list)
    results: list[FaultyFile] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Findings.__slots__}

    def add_problem(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def verify_files(context: JobContext, most_listed: int = MAX_LISTED) -> dict[str, Any]:
    """Arguments: `camera` (id or None) and `since` (ISO 8601 or None). Files of a root that is not mounted are not
    checked; the result says so. Continues after the last file of the checkpoint. The first `most_listed` faulty files
    are listed and have an alert."""
    verification = Verification(context, context.checkpoint or {}, most_listed)
    try:
        for name, rows in selected_rows(context.arguments):
            verification.verify_table(name, rows)
    except Stopped:
        pass
    return verification.findings.as_json()


def selected_rows(arguments: dict[str, Any]) -> Iterator[tuple[str, QuerySet[Any]]]:
    """Name of the table, and its rows of this host that are to be checked."""
    host, camera, since = settings.STATION.host, arguments.get("camera"), arguments.get("since")
    present = CaptureFile.objects.filter(host=host, capture__purged_at=None, kept=Kept.HERE.value)
    files = present.select_related("root", "capture__camera")
    clips = Clip.objects.present().filter(host=host).select_related("root", "camera")
    if camera:
        files, clips = files.filter(capture__camera=UUID(camera)), clips.filter(camera=UUID(camera))
    if since:
        at = datetime.fromisoformat(since)
        files, clips = files.filter(capture__started_at__gte=at), clips.filter(ended_at__gte=at)
    yield "files", files
    yield "clips", clips


class Verification:
    """One pass over the selected rows, each table in the order of its key."""

    def __init__(self, context: JobContext, checkpoint: dict[str, Any], most_listed: int) -> None:
        self.context, self._most_listed = context, most_listed
        self.findings = Findings(**checkpoint.get("findings", {}))
        self._after: dict[str, str] = checkpoint.get("after", {})
        self._total = sum(rows.count() for _, rows in selected_rows(context.arguments))
        # Read once, instead of a query for each file that is whole.
        self._open_alerts = unresolved_keys(DAMAGED_KEYS)
        self._mounted: dict[UUID, bool] = {}

    def verify_table(self, name: str, rows: QuerySet[Any]) -> None:
        while batch := list(self._following(name, rows)[:BATCH]):
            for row in batch:
                self._verify(row)
                self._after[name] = str(row.pk)
                self._report()

    def _following(self, name: str, rows: QuerySet[Any]) -> QuerySet[Any]:
        after = self._after.get(name)
        # By key: rows that are added or deleted meanwhile move no other, and the next attempt continues behind the last
        # one.
        return (rows.filter(pk__gt=after) if after else rows).order_by("pk")

    def _report(self) -> None:
        found = self.findings
        faulty = found.missing + found.damaged
        sentence = f"{pluralize(found.files, 'file')} read, {faulty} faulty"
        self.context.progress(found.files, self._total, sentence, findings=found.as_json(), after=self._after)

    def _verify(self, row: Stored) -> None:
        if self.context.should_stop():
            raise Stopped
        if not self._is_mounted(row.root):
            return
        try:
            digest = sha256_of(row, self.context.should_stop)
        except FileMissing as error:
            self._mounted.pop(row.root_id)  # a disk may go while its files are read, which takes hours
            if not self._is_mounted(row.root):
                return
            self.findings.files += 1
            self._report_missing(row, str(error))
            return
        self.findings.files += 1
        self.findings.bytes += row.bytes
        if digest != row.sha256:
            self._report_damaged(row, digest)
        elif (key := f"{DAMAGED_KEYS}{row.pk}") in self._open_alerts:
            resolve_alert(key)

    def _is_mounted(self, root: StorageRoot) -> bool:
        if root.pk not in self._mounted:
            self._mounted[root.pk] = read_marker(root.path) == str(root.pk)
        if not self._mounted[root.pk]:
            self.findings.add_problem(root_missing_message(root.path))
        return self._mounted[root.pk]

    def _report_missing(self, row: Stored, message: str) -> None:
        if not still_exists(row):
            return
        self.findings.missing += 1
        if self._list(row, "missing", message):
            raise_missing_alert(row, camera_of(row), message, origin_of(row))

    def _report_damaged(self, row: Stored, digest: str) -> None:
        if not still_exists(row):
            return
        self.findings.damaged += 1
        message = damaged_message(row, digest)
        if self._list(row, "damaged", message):
            raise_damaged_alert(row, message)

    def _list(self, row: Stored, what: str, message: str) -> bool:
        """False when the list is full."""
        if len(self.findings.results) >= self._most_listed:
            self.findings.add_problem(f"Only the first {self._most_listed} faulty files are listed and have an alert.")
            return False
        self.findings.results.append(FaultyFile(camera=camera_of(row).slug, path=row.path, what=what, message=message))
        return True


def verify_file(row: Stored, should_stop: Callable[[], bool]) -> None:
    """Read one file of this host. FileFaulty, with an alert, when it is missing or its content has changed; RootAway
    when its disk is not mounted, which says nothing about the file; Stopped."""
    if read_marker(row.root.path) != str(row.root_id):
        raise RootAway(root_missing_message(row.root.path))
    try:
        digest = sha256_of(row, should_stop)
    except FileMissing as error:
        if read_marker(row.root.path) != str(row.root_id):
            raise RootAway(root_missing_message(row.root.path)) from error
        raise_missing_alert(row, camera_of(row), str(error), origin_of(row))
        raise FileFaulty(str(error)) from error
    if digest != row.sha256:
        message = damaged_message(row, digest)
        raise_damaged_alert(row, message)
        raise FileFaulty(message)
    resolve_alert(f"{DAMAGED_KEYS}{row.pk}")


def damaged_message(row: Stored, digest: str) -> str:
    return f"The content of {row.path} has changed: its SHA-256 is {digest[:12]}…, not {row.sha256[:12]}…."


def raise_damaged_alert(row: Stored, message: str) -> None:
    """Raise an alert that asks for the file to be restored."""
    raise_alert(
        f"{DAMAGED_KEYS}{row.pk}",
        f"{message} Check the disk, and restore the file from a copy.",
        severity="error",
        camera=camera_of(row),
        data={**origin_of(row), "root": str(row.root_id), "path": row.path},
    )


def sha256_of(row: Stored, should_stop: Callable[[], bool]) -> str:
    """The SHA-256 of the row's file. FileMissing, also for another size or an unreadable disk; Stopped."""
    file, digest, offset = open_below(row.root.path, row.path), hashlib.sha256(), 0
    try:
        check_size(file, row)
        while chunk := file.read(CHUNK_BYTES, offset):
            digest.update(chunk)
            offset += len(chunk)
            # Also within a file: a clip can have gigabytes.
            if should_stop():
                raise Stopped
        file.forget_cached()
    except OSError as error:
        raise FileMissing(f"The file {row.path} cannot be read: {os.strerror(error.errno or 0)}.") from error
    finally:
        file.close()
    return digest.hexdigest()


def still_exists(row: Stored) -> bool:
    """Whether the row is still there: its file may just have been deleted on purpose."""
    found: QuerySet[Any] = Clip.objects.present() if isinstance(row, Clip) else CaptureFile.objects.all()
    return found.filter(pk=row.pk).exists()


def camera_of(row: Stored) -> Camera:
    return row.camera if isinstance(row, Clip) else row.capture.camera


def origin_of(row: Stored) -> dict[str, str]:
    """What the file belongs to, as in the alerts of files that are missing when they are served."""
    if isinstance(row, Clip):
        return {"clip": str(row.pk)}
    return {"capture": str(row.capture_id), "kind": row.kind}


MISSING_KEYS = "storage.missing:"
DAMAGED_KEYS = "storage.damaged:"


def close_missing_alerts() -> None:
    """Close the alerts whose file is back or whose row is deleted. Other hosts check their own files."""
    for key in sorted(unresolved_keys(MISSING_KEYS)):
        row = row_of(key.removeprefix(MISSING_KEYS))
        if row is None or row.is_offsite or (row.host == settings.STATION.host and is_present(row)):
            resolve_alert(key)


def close_damaged_alerts() -> None:
    """Close the alerts whose row is deleted. The next verification closes those whose file is restored."""
    for key in sorted(unresolved_keys(DAMAGED_KEYS)):
        if row_of(key.removeprefix(DAMAGED_KEYS)) is None:
            resolve_alert(key)


def row_of(ident: str) -> Stored | None:
    """A clip by its UUID, or a capture's file by its number."""
    if ident.isdecimal():
        return CaptureFile.objects.select_related("root").filter(pk=int(ident)).first()
    return Clip.objects.present().select_related("root").filter(pk=UUID(ident)).first()


def is_present(row: Stored) -> bool:
    try:
        found = open_below(row.root.path, row.path)
    except FileMissing:
        return False
    try:
        check_size(found, row)
    except FileMissing:
        return False
    finally:
        found.close()
    return True
