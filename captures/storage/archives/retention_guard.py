"""Files that retention must leave to an archive that still copies them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from captures.storage.archives.models import ArchiveFile, ArchiveFileState

SOURCES = {"clips": "clip", "captures": "capture_file"}
"""Table of files -> the field of `ArchiveFile` that names its rows."""


def files_to_copy(table: str) -> Q:
    """The rows of `table` that an archive has planned and not copied yet."""
    planned = ArchiveFile.objects.filter(**{SOURCES[table]: OuterRef("pk")}, state=ArchiveFileState.PLANNED)
    return Q(Exists(planned))
