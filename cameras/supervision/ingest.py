"""From the spool into the database: one path, idempotent by the record's id. Reads `.done` only."""

from __future__ import annotations

import errno
import logging

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, IntegrityError, transaction

from cameras.runtime.durable import RootFiles
from cameras.runtime.failpoints import hit_failpoint
from cameras.runtime.recovery import checked_record, reject_record
from cameras.runtime.spool import Record, Spool
from cameras.runtime.storage import MARKER
from cameras.supervision.wishes import Wish
from cameras.tables import RECORDS, resolve
from monitoring.services import raise_alert, record_event

log = logging.getLogger(__name__)
WRONG_RECORD = (
    ValueError, KeyError, TypeError, AttributeError, OverflowError, ValidationError, ObjectDoesNotExist,
    IntegrityError, DataError,
)  # fmt: skip
"""What a record raises that can never be taken in: waiting would hold up every record behind it."""


def take_record(record: Record) -> None:
    """The record into the database, in one transaction; twice is once."""
    with transaction.atomic():
        resolve(RECORDS[record["kind"]])(record)


class Ingest:
    """The `.done` records of one camera's spool. Needs no lock: the owner is through with them."""

    def __init__(self, files: RootFiles, camera: str, slug: str, part: str = "") -> None:
        self.spool, self.id, self.slug = Spool(files, camera, part), camera, slug

    def is_on(self, root: str) -> bool:
        """Whether what was opened is that root, and not the bare place where it is mounted."""
        try:
            return self.spool.files.read("", MARKER).decode("ascii").strip() == root
        except (OSError, UnicodeDecodeError):
            return False

    def waiting(self) -> list[str]:
        try:
            return [name.removesuffix(".done") for name in self.spool.names() if name.endswith(".done")]
        except FileNotFoundError:
            return []

    def read(self, record: str) -> Record | None:
        """None when it is not there (any more)."""
        try:
            return checked_record(self.spool.read(f"{record}.done"), f"{record}.done")
        except FileNotFoundError:
            return None

    def take(self, record: str) -> Record | None:
        """Take one record in; None when it was set aside or is gone. A database that is away raises."""
        try:
            found = self.read(record)
            if found is None:
                return None
            take_record(found)
        except WRONG_RECORD as error:
            self._reject(record, error)
            return None
        hit_failpoint("after_commit")
        return found

    def clear(self, record: Record) -> None:
        """The row is safe: its record may go."""
        if "settles" in record:
            self.spool.files.unlink(self.spool.folder, record["settles"])
        self.spool.files.unlink(self.spool.folder, f"{record['id']}.done")
        hit_failpoint("after_unlink")
        self.spool.files.sync(self.spool.folder)

    def _reject(self, record: str, error: Exception) -> None:
        log.error("The record %s of %s was set aside: %s", record, self.slug, error)
        message = (
            f"A record of {self.slug} could not be taken in ({error}); it lies in {self.spool.folder}/rejected. "
            "Its pictures are kept. Look at it, then remove it there."
        )
        with transaction.atomic():
            record_event("spool.rejected", message, severity="error", camera=self, subject=record)
            raise_alert(f"spool.rejected:{self.slug}", message, severity="error", camera=self)
        try:
            reject_record(self.spool, f"{record}.done")
        except OSError as problem:
            if problem.errno != errno.ENOENT:
                raise


class Opened:
    """The ingest of a camera's spool, with the root's descriptor for as long as the block lasts."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish

    def __enter__(self) -> Ingest:
        self._files = RootFiles(self._wish.root_path)
        return Ingest(self._files, self._wish.id, self._wish.slug, self._wish.part)

    def __exit__(self, *_: object) -> None:
        self._files.close()
