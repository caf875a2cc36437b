"""`BatchCopier`: copies the files of captures into the staging folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import uuid6

from captures.organizing.adoption import AdoptedFile
from captures.organizing.findings import Findings
from captures.organizing.pairing import FoundCapture, FoundPicture
from captures.organizing.reasons import Reason, printable
from captures.organizing.source import SourceFiles
from captures.organizing.staging import SourceUnreadable, StagedFile, Staging
from captures.paths.organizer import ImageOrganizer


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
