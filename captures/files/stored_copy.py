"""A copy of a capture's or clip's file at another place than its row says, such as in an archive."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from captures.storage.models import StorageRoot


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """`pk` is that of the copy's own row; `kind` is that of a thumbnail's job: mp4, jpeg, png, tiff, fits or raw."""

    pk: UUID
    host: str
    root: StorageRoot
    path: str
    bytes: int
    sha256: str
    kind: str
    simulated: bool
