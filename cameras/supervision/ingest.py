"""Ingests spool records into the database: one path, idempotent by the record's id. Reads `.done` files only."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, IntegrityError, transaction

from cameras.spool.durable import RootFiles
from cameras.spool.failpoints import hit_failpoint
from cameras.spool.records import Record
from cameras.spool.recovery import checked_record, reject_record
from cameras.spool.spool import Spool
from cameras.spool.storage import MARKER
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.ports import Fence, NoFence
from cameras.tables import RECORDS
from core.registry import resolve
from core.text.sentences import sentence
from monitoring.services import raise_alert, record_event

log = logging.getLogger(__name__)
WRONG_RECORD = (
    ValueError, KeyError, TypeError, AttributeError, OverflowError, ValidationError, ObjectDoesNotExist,
    IntegrityError, DataError,
)  # fmt: skip
"""Errors of a record that can never be ingested. Retrying it would block every record behind it."""


NO_FENCE = NoFence()
Committed = Callable[[Record], None]
"""Gets a record once its row is committed."""


def ingest_record(record: Record, committed: Committed = lambda _: None, fence: Fence = NO_FENCE) -> None:
    """Write the record to the database, in one transaction. Idempotent. LeaseLost."""
    with transaction.atomic():
        fence.check()
        # Before the calls that the record's kind adds: a caller waits for this one, and no one for a notice. Robust: a
        # failure is logged, and is no failure of the row.
        transaction.on_commit(lambda: committed(record), robust=True)
        resolve(RECORDS[record["kind"]])(record)


class SpoolIngester:
    """Ingests the `.done` records of one camera's spool. Needs no lock: the spool's owner is finished with them."""

    def __init__(self, files: RootFiles, camera: str, slug: str, part: str = "") -> None:
        self.spool, self.id, self.slug = Spool(files, camera, part), camera, slug

    def is_on(self, root: str) -> bool:
        """Whether the opened folder is that root, and not the empty mount point."""
        try:
            return self.spool.files.read("", MARKER).decode("ascii").strip() == root
        except (OSError, UnicodeDecodeError):
            return False

    def waiting_records(self) -> list[str]:
        try:
            return [name.removesuffix(".done") for name in self.spool.names() if name.endswith(".done")]
        except FileNotFoundError:
            return []

    def read_record(self, record: str) -> Record | None:
        """None when there is no such record (any more)."""
        try:
            return checked_record(self.spool.read(f"{record}.done"), f"{record}.done")
        except FileNotFoundError:
            return None

    def ingest(self, record: str, committed: Committed = lambda _: None, fence: Fence = NO_FENCE) -> Record | None:
        """Ingest one record; None when it was rejected or is gone. Raises DatabaseError while the database is away, and
        LeaseLost."""
        try:
            found = self.read_record(record)
            if found is None:
                return None
            ingest_record(found, committed, fence)
        except WRONG_RECORD as error:
            self._reject(record, error, fence)
            return None
        hit_failpoint("after_commit")
        return found

    def remove_record(self, record: Record) -> None:
        """Remove a record whose row is committed."""
        # The record last: a kill before that repeats both. Nothing would remove a session's file that remained alone.
        if "settles" in record:
            self.spool.files.unlink(self.spool.folder, record["settles"])
        self.spool.files.unlink(self.spool.folder, f"{record['id']}.done")
        hit_failpoint("after_unlink")
        self.spool.files.sync(self.spool.folder)

    def _reject(self, record: str, error: Exception, fence: Fence) -> None:
        log.error("The record %s of %s was rejected: %s", record, self.slug, error)
        message = sentence(
            "A record of {camera} could not be ingested ({error}). It is in {folder}/rejected. Its pictures are kept. "
            "Check the record, then remove it there.",
            camera=self, error=error, folder=self.spool.folder,
        )  # fmt: skip
        # Before the record is moved: a kill between the two repeats them, and no record in `rejected` lacks its alert.
        with transaction.atomic():
            fence.check()
            record_event("spool.rejected", message, severity="error", camera=self, subject=record)
            raise_alert(f"spool.rejected:{self.slug}", message, severity="error", camera=self)
        try:
            reject_record(self.spool, f"{record}.done")
        except OSError as problem:
            if problem.errno != errno.ENOENT:
                raise


class OpenedSpool:
    """A context manager: the ingester of a camera's spool, with the root's descriptor open inside the block."""

    def __init__(self, desired: DesiredState) -> None:
        self._desired = desired

    def __enter__(self) -> SpoolIngester:
        self._files = RootFiles(self._desired.root_path)
        return SpoolIngester(self._files, self._desired.id, self._desired.slug, self._desired.part)

    def __exit__(self, *_: object) -> None:
        self._files.close()
