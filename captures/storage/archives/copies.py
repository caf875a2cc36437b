"""The copy of a file that an archive has, as it is served."""

from __future__ import annotations

from captures.files.stored_copy import StoredCopy
from captures.storage.archives.models import ArchiveFile
from captures.thumbnails.jobs import CLIP


def copy_of(file: ArchiveFile) -> StoredCopy:
    folder = file.folder
    return StoredCopy(
        pk=file.pk, host=folder.host, root=folder.root, path=f"{folder.archive.folder}/{file.path}", bytes=file.bytes,
        sha256=file.sha256, kind=CLIP if is_clip(file) else str(file.facts.get("file_kind", "")),
        simulated=bool(file.facts.get("simulated")), is_offsite=file.is_offsite,
    )  # fmt: skip


def is_clip(file: ArchiveFile) -> bool:
    """By the manifest's facts: the source may be deleted."""
    return bool(file.facts.get("kind") == "clip")
