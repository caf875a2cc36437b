"""Batches of pictures are copied, placed and adopted; copies that a kill left are recovered."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import uuid6
from django.utils import timezone

from cameras.spool.full_disk import is_out_of_space
from cameras.spool.storage import RootMissing
from captures.capturing.models import CaptureFile
from captures.organizing.adoption import AdoptedFile, Adopter, FoundCapture, FoundPicture, stored_captures
from captures.organizing.findings import Findings, Reason, printable
from captures.organizing.source import SourceFiles
from captures.organizing.staging import CopyFailed, SourceUnreadable, StagedFile, Staging, StagingLocked, has_copies
from captures.paths import ImageOrganizer
from captures.roots.models import StorageRoot
from core.jobs.context import JobError
from core.periodic.task import Work
from core.text.sentences import pluralize

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """Captures on their way into the storage root, and the originals as they were when they were copied."""

    captures: list[tuple[UUID, FoundCapture, list[AdoptedFile]]] = field(default_factory=list)
    staged: list[StagedFile] = field(default_factory=list)
    originals: dict[str, os.stat_result] = field(default_factory=dict)


class BatchCopier:
    """A file that cannot be read or has changed is added to `findings`, and the others are copied."""

    def __init__(
        self,
        folder: str,
        source: SourceFiles,
        staging: Staging,
        organizer: ImageOrganizer,
        findings: Findings,
        should_stop: Callable[[], bool],
    ) -> None:
        self._folder, self._source, self._staging = folder, source, staging
        self._organizer, self._findings, self._should_stop = organizer, findings, should_stop

    def copy(self, captures: Sequence[FoundCapture]) -> Batch:
        """Copy the files that are still as they were inspected. CopyFailed, Stopped, OSError of the root."""
        batch = Batch()
        for capture in captures:
            self._copy_capture(capture, batch)
        return batch

    def _copy_capture(self, capture: FoundCapture, batch: Batch) -> None:
        ident = uuid6.uuid7()
        copied = [file for picture in capture.pictures if (file := self._copy_file(ident, capture, picture, batch))]
        if copied:
            batch.captures.append((ident, capture, copied))

    def _copy_file(self, ident: UUID, capture: FoundCapture, picture: FoundPicture, batch: Batch) -> AdoptedFile | None:
        source, found = picture.file.path, picture.inspection
        part = f"{ident}.{found['kind']}.part"
        try:
            original, digest = self._copy_bytes(source, part)
        except SourceUnreadable as error:
            self._findings.add_not_placed(source, Reason.UNREADABLE, str(error))
            return None
        if digest != found["sha256"]:
            self._staging.discard([part])
            self._findings.add_not_placed(source, Reason.CHANGED, "It changed while it was copied.")
            return None
        batch.originals[source] = original
        path = self._free_path(ident, capture, found["suffix"])
        batch.staged.append(StagedFile(part, path))
        return AdoptedFile(picture, path, original_path(self._folder, source))

    def _copy_bytes(self, source: str, part: str) -> tuple[os.stat_result, str]:
        """The original's state before it was copied, and the SHA-256 of the copy. SourceUnreadable."""
        with contextlib.ExitStack() as stack:
            try:
                descriptor = stack.enter_context(self._source.opened(source))
            except OSError as error:
                raise SourceUnreadable(error) from error
            return os.fstat(descriptor), self._staging.copy(descriptor, part, self._should_stop)

    def _free_path(self, ident: UUID, capture: FoundCapture, suffix: str) -> str:
        exposures = [one.inspection["exposure_us"] for one in capture.pictures]
        exposure_us = next((one for one in exposures if one), None)
        path = self._organizer.path(str(ident), capture.time.at, exposure_us=exposure_us)
        # A name without the whole id may exist by chance.
        taken = str(ident) not in path and self._staging.is_taken(f"{path}{suffix}")
        return f"{path}_{ident}{suffix}" if taken else f"{path}{suffix}"


def original_path(folder: str, path: str) -> str:
    """The path of an original as text, for its row."""
    return printable(f"{folder}/{path}")


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
        if is_out_of_space(error):
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


class CopyRecovery(Work):
    """Looks into the storage roots of `host` at the start of its jobs part, and then periodically."""

    def run(self) -> None:
        """DatabaseError; the first OSError of a disk, after the other roots were recovered."""
        failed: OSError | None = None
        for root in StorageRoot.objects.filter(host=self.host):
            try:
                self._recover_root(root)
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _recover_root(self, root: StorageRoot) -> None:
        if not has_copies(root.path):
            return
        try:
            with Staging(root.path, str(root.pk)) as staging:
                undone = staging.recover(stored_captures)
        except (RootMissing, StagingLocked):
            return  # not mounted, or a job is at work and recovers by itself
        log.info("Copies that an ended job had left in %s are cleared; %d batches were undone.", root.path, undone)
