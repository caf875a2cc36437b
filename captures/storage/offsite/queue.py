"""The queue of a host: a thread of the jobs part finds files that a destination has no copy of, makes rows of them, and
starts the job that sends them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from captures.storage.offsite.copy_rows import due, host_of, key_column, retry_dead, wait_s
from captures.storage.offsite.models import Destination, OffsiteCopy, file_columns
from captures.storage.offsite.senders import closed_reason
from captures.storage.offsite.states import CopyState
from captures.storage.stored_files import FILE_TABLES, FileTable, StoredFile
from core import database_clock
from core.changes import read_again
from core.jobs.services import enqueue
from core.periodic.thread import PeriodicThread

NEWEST, NEWEST_BATCHES = 500, 20
"""Rows of a batch, and batches of one search, from the newest file back to those that are queued already."""
PART = 2000
"""Rows of the part of a table that each search looks at besides: in turn it finds what came late from an outage."""
KIND = "offsite"


class OffsiteQueue:
    """The one of a host: each host sends its own files."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._thread = PeriodicThread("offsite", self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop(within_s=2.0)

    def _run(self) -> None:
        for destination in Destination.objects.all():
            read_again()  # its hours begin and end, and a copy that failed is due again
            # Also for one that is paused, or closed: its backlog is to be seen.
            queue_new_files(destination, self._host)
            if self._thread.is_stopping():
                return
            start_sending(destination, self._host)


def start_sending(destination: Destination, host: str) -> bool:
    """Start the job, if something may be sent now. Returns whether it runs."""
    if closed_reason(destination) or wait_s(destination, host) > 0:
        return False
    waits = OffsiteCopy.objects.filter(due(destination, host))
    # What a killed job was sending has no other trace than its state.
    lost = OffsiteCopy.objects.filter(destination=destination, host=host, state=CopyState.SENDING.value)
    if not waits.exists() and not lost.exists():
        return False
    enqueue(KIND, host, camera=None, subject=str(destination.pk), arguments={"destination": str(destination.pk)})
    return True


# From files to rows


def queue_new_files(destination: Destination, host: str) -> int:
    """Make rows for files of the host that have none. Returns their number. The cost does not depend on how many files
    there are: the newest, and one part of the others."""
    state, queued = host_of(destination, host), 0
    cameras = set(destination.cameras.values_list("pk", flat=True))
    for table in FILE_TABLES.values():
        search = _Search(destination, table, host, cameras)
        for batch in range(NEWEST_BATCHES):
            found = search.queue_newest(batch)
            queued += found
            if found < NEWEST // 2:
                break
        after = state.search.get(table.name, "")
        added, state.search[table.name] = search.queue_part(after)
        queued += added
    state.save(update_fields=["search"])
    return queued


class _Search:
    """Files of one table that have no row for a destination."""

    def __init__(self, destination: Destination, table: FileTable, host: str, cameras: set[UUID]) -> None:
        self._destination, self._table, self._cameras = destination, table, cameras
        self._rows = table.rows().filter(**{table.host: host})
        self._key = key_column(table)

    def queue_newest(self, batch: int) -> int:
        return self._queue(list(self._rows.order_by("-pk")[batch * NEWEST : (batch + 1) * NEWEST]))

    def queue_part(self, after: str) -> tuple[int, str]:
        """The rows behind the key `after`. Returns how many were queued, and the key for the next part; empty at the
        end of the table."""
        rows = self._rows.filter(pk__gt=after) if after else self._rows
        # The keys alone are read: nearly all of these rows are queued already.
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:PART])
        missing = self._unknown(keys)
        found = list(self._rows.filter(pk__in=missing)) if missing else []
        return self._queue(found), str(keys[-1]) if len(keys) == PART else ""

    def _unknown(self, keys: list[Any]) -> list[Any]:
        if not keys:
            return []
        between = {f"{self._key}__gte": min(keys), f"{self._key}__lte": max(keys)}
        copies = OffsiteCopy.objects.filter(destination=self._destination, table=self._table.name, **between)
        known = set(copies.values_list(self._key, flat=True))
        return [key for key in keys if key not in known]

    def _queue(self, rows: list[Any]) -> int:
        missing = set(self._unknown([row.pk for row in rows]))
        files = [self._table.of_row(row) for row in rows if row.pk in missing]
        copies = [copy_of(self._destination, file) for file in files if self._is_covered(file)]
        # A second process of the host may do the same: the constraint keeps one row.
        OffsiteCopy.objects.bulk_create(copies, ignore_conflicts=True, batch_size=NEWEST)
        return len(copies)

    def _is_covered(self, file: StoredFile) -> bool:
        return file.file_class in self._destination.classes and (not self._cameras or file.camera in self._cameras)


def copy_of(destination: Destination, file: StoredFile) -> OffsiteCopy:
    """The unsaved row. Two roots of a host may have a file of the same path."""
    key = f"{file.host}/{file.root.hex[-12:]}/{file.path}"
    return OffsiteCopy(
        destination=destination, table=file.table, **file_columns(file.pk), file_class=str(file.file_class),
        host=file.host, root=file.root, path=file.path, bytes=file.bytes, sha256=file.sha256, camera=file.camera,
        at=file.at, key=key, retry_at=database_clock.read_now(),
    )  # fmt: skip


def queue_files(files: list[StoredFile], actor: str) -> int:
    """Queue copies of these files at each enabled destination, at a person's request: also of classes and cameras that
    the destination does not copy by itself. Dead copies are queued again. Returns how many are new."""
    new = 0
    for destination in Destination.objects.filter(enabled=True):
        for file in files:
            columns = {name: value for name, value in file_columns(file.pk).items() if value is not None}
            known = OffsiteCopy.objects.filter(destination=destination, table=file.table, **columns)
            if known.exists():
                retry_dead(known, actor)
                continue
            # Another process may do the same: the constraint keeps one row.
            new += len(OffsiteCopy.objects.bulk_create([copy_of(destination, file)], ignore_conflicts=True))
    return new
