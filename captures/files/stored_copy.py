"""A copy of a capture's or clip's file at another place than its row says, such as in an archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from captures.roots.models import StorageRoot


class FileRow(Protocol):
    """What rows with a file and copies have in common. `table` is its name in
    `captures.storage.stored_files.tables`."""

    @property
    def table(self) -> str: ...

    @property
    def pk(self) -> Any: ...
    @property
    def host(self) -> str: ...
    @property
    def root_id(self) -> UUID: ...
    @property
    def path(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def is_offsite(self) -> bool: ...


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
    is_offsite: bool = False

    @property
    def table(self) -> str:
        return "archives"

    @property
    def root_id(self) -> UUID:
        return self.root.pk
