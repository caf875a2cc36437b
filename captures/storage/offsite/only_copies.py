"""Files that are at a destination alone: neither on their hosts nor verified at another destination."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from captures.capturing.models import CaptureFile
from captures.roots.models import Kept
from captures.storage.archives.models import ArchiveFile
from captures.storage.offsite.copy_states import CopyState
from captures.storage.offsite.models import Destination, OffsiteCopy
from core.text.amounts import pluralize

TABLES: dict[str, tuple[type[CaptureFile | ArchiveFile], str]] = {
    "captures": (CaptureFile, "number"),
    "archives": (ArchiveFile, "uuid"),
}
"""Table of the copies -> its files, and the column of `OffsiteCopy` for their keys."""


def describe_only_copies(destination: Destination) -> str:
    """A sentence; empty for a destination that can be left without the loss of a file."""
    found = sum(_only_copies(destination, table).count() for table in TABLES)
    if not found:
        return ""
    return (
        f"{destination.name} has the only copy of {pluralize(found, 'file')}, so it stays where it is. Bring them "
        "back first (`skycam offsite bring-back`), or disable it: nothing more is sent there then."
    )


def _only_copies(destination: Destination, table: str) -> QuerySet[CaptureFile] | QuerySet[ArchiveFile]:
    model, key = TABLES[table]
    copies = OffsiteCopy.objects.filter(**{key: OuterRef("pk")}, table=table)
    elsewhere = copies.exclude(destination=destination).filter(state=CopyState.VERIFIED.value)
    return model.objects.exclude(kept=Kept.HERE.value).filter(
        Exists(copies.filter(destination=destination)), ~Exists(elsewhere)
    )
