"""`BatchAdopter`: makes captures of a batch of pictures, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.utils import timezone

from cameras.spool.spool import is_out_of_space
from cameras.spool.storage import RootMissing
from captures.capturing.models import CaptureFile
from captures.organizing.adoption import Adopter, stored_captures
from captures.organizing.copying import Batch, BatchCopier
from captures.organizing.pairing import FoundCapture
from captures.organizing.staging import CopyFailed, Staging
from core.jobs.context import JobError
from core.text.plurals import pluralize


class AdoptedBatch(NamedTuple):
    """`files` has the first file of each capture."""

    batch: Batch
    files: list[CaptureFile]


class BatchAdopter:
    """Copies the files, places the copies and stores their rows. `reserve_bytes` are left free in the root."""

    def __init__(self, copier: BatchCopier, staging: Staging, adopter: Adopter, reserve_bytes: int) -> None:
        self._copier, self._staging, self._adopter, self._reserve_bytes = copier, staging, adopter, reserve_bytes

    def adopt(self, captures: Sequence[FoundCapture]) -> AdoptedBatch:
        """JobError when nothing more can be adopted; Stopped."""
        self._check_room(sum(one.inspection["bytes"] for capture in captures for one in capture.pictures))
        try:
            batch = self._copier.copy(captures)
            if not batch.captures:
                return AdoptedBatch(batch, [])
            plan = self._staging.plan([str(ident) for ident, _, _ in batch.captures], batch.staged)
            self._staging.place(batch.staged)
            rows = [(ident, capture.time, files) for ident, capture, files in batch.captures]
            stored = self._adopter.store(rows, timezone.now())
        except BaseException as error:
            # Now and not by the next attempt: a full disk needs the room.
            self._staging.recover(stored_captures)
            raise self._job_error(error) from error
        self._staging.done(plan, batch.staged)
        return AdoptedBatch(batch, stored)

    def _job_error(self, error: BaseException) -> BaseException:
        if isinstance(error, OSError) and is_out_of_space(error):
            return self._no_room()
        if isinstance(error, OSError):
            return JobError(f"The storage root cannot be written: {error.strerror}. Check the disk.")
        return JobError(str(error)) if isinstance(error, (CopyFailed, RootMissing)) else error

    def _check_room(self, needed: int) -> None:
        try:
            self._staging.check()
        except RootMissing as error:
            raise JobError(str(error)) from None
        if self._staging.free_bytes() - needed < self._reserve_bytes:
            raise self._no_room()

    def _no_room(self) -> JobError:
        adopted = pluralize(self._adopter.count_adopted(), "capture")
        return JobError(
            f"The disk of the storage root is full. {adopted} adopted; the other files are where they were. Free some "
            "space and organize the folder again: what is stored is recognised.",
            permanent=True,
        )
