"""Every file that has a row, by storage class: one form for usage, retention, off-site copies and integrity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from captures.capturing.models import CaptureFile
from captures.recordings.clips.models import Clip
from captures.roots.models import Kept
from captures.storage.archives.models import ArchiveFile, ArchiveFileState
from captures.storage.file_classes import FileClass

BATCH = 500


class StoredFile(NamedTuple):
    """A file as its row has it. `path` is relative to the root; `at` is when its content was captured."""

    table: str
    pk: str
    file_class: FileClass
    host: str
    root: UUID
    path: str
    bytes: int
    sha256: str
    camera: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class FileTable:
    """A table with files. `rows` are those that are on their host, and not being deleted."""

    name: str
    rows: Callable[[], QuerySet[Any]]
    of_row: Callable[[Any], StoredFile]
    host: str
    """The field of a row's host."""

    def iterate(self, host: str, after: str = "") -> Iterator[StoredFile]:
        """The files of a host in the order of their keys, behind the key `after`. In batches: a table can have a
        million rows, and rows may be added and deleted meanwhile."""
        rows = self.rows().filter(**{self.host: host}).order_by("pk")
        while batch := list((rows.filter(pk__gt=after) if after else rows)[:BATCH]):
            yield from map(self.of_row, batch)
            after = str(batch[-1].pk)


def _of_clip(clip: Clip) -> StoredFile:
    kind = FileClass.MANUAL_CLIP if clip.kind == "manual" else FileClass.ROLLING_CLIP
    return StoredFile(
        "clips", str(clip.pk), kind, clip.host, clip.root_id, clip.path, clip.bytes, clip.sha256, clip.camera_id,
        clip.started_at,
    )  # fmt: skip


def _of_capture_file(file: CaptureFile) -> StoredFile:
    capture = file.capture
    return StoredFile(
        "captures", str(file.pk), FileClass.CAPTURE, file.host, file.root_id, file.path, file.bytes, file.sha256,
        capture.camera_id, capture.started_at,
    )  # fmt: skip


def _of_archive_file(file: ArchiveFile) -> StoredFile:
    folder = file.folder
    return StoredFile(
        "archives", str(file.pk), FileClass.ARCHIVE, folder.host, folder.root_id,
        f"{folder.archive.folder}/{file.path}", file.bytes, file.sha256, file.camera_id, file.at,
    )  # fmt: skip


FILE_TABLES: dict[str, FileTable] = {
    "clips": FileTable("clips", Clip.objects.present, _of_clip, "host"),
    "captures": FileTable(
        "captures",
        lambda: CaptureFile.objects.filter(capture__purged_at=None, kept=Kept.HERE.value).select_related("capture"),
        _of_capture_file,
        "host",
    ),
    "archives": FileTable(
        "archives",
        # Without the manifest, which would be read with each of the rows.
        lambda: (
            ArchiveFile.objects.filter(state=ArchiveFileState.COPIED, kept=Kept.HERE.value)
            .select_related("folder__archive")
            .defer("folder__archive__manifest")
        ),
        _of_archive_file,
        "folder__host",
    ),
}
"""Name of the table -> how its files are read."""
