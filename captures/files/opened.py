"""Files below storage roots, and copies at another place than their row says, such as in an archive: opened so that
neither `..` nor a symbolic link leaves the root."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from cameras.spool.durable import RootFiles
from captures.files.answers import Span
from captures.roots.models import StorageRoot

CHUNK_BYTES = 256 * 1024


class FileMissing(Exception):
    """The row exists, but its file is missing or has changed. `copies`: the destinations with a verified off-site copy,
    none of which can be read now."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.copies: list[str] = []


class KeptOffsite(Exception):
    """Only a destination of off-site copies has the file, and it cannot be read there now. `copies`: the destinations
    with a verified one."""

    def __init__(self, path: str) -> None:
        self.copies: list[str] = []
        super().__init__(
            f"The file {path} was moved off-site, and no destination gives it now. `skycam offsite status` says why."
        )


class FileChanged(FileMissing):
    """The file is there with another size than it was stored with."""

    def __init__(self, path: str, size: int, stored: int) -> None:
        super().__init__(f"The file {path} has {size} bytes, but was stored with {stored}.")


class OpenFile:
    """A file's bytes in chunks, read in threads. A `head` comes before them if there is one. The file is closed at the
    end, or when the client disconnects."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._head = b""
        found = os.fstat(descriptor)
        self.size, self.modified = found.st_size, found.st_mtime
        self.span = Span(0, self.size - 1)

    def put_before(self, head: bytes) -> None:
        self._head = head
        self.size += len(head)
        self.span = Span(0, self.size - 1)

    def is_in_head(self, offset: int) -> bool:
        return offset < len(self._head)

    def own_offset(self, offset: int) -> int:
        """The offset in the file on the disk, for one behind the head."""
        return offset - len(self._head)

    def read(self, size: int, offset: int) -> bytes:
        if offset < len(self._head):
            return self._head[offset : offset + size]
        return os.pread(self._descriptor, size, offset - len(self._head))

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read into `buffer`, without a copy; returns the number of bytes."""
        return os.preadv(self._descriptor, [buffer], offset)

    @property
    def descriptor(self) -> int:
        """For calls of the system. It stays that of this object."""
        return self._descriptor

    def forget_cached(self) -> None:
        """Drop the file from the page cache: what was read to the end once need not displace what is in use."""
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        offset = self.span.first
        while offset <= self.span.last:
            size = min(CHUNK_BYTES, self.span.last + 1 - offset)
            # A slow disk must not block the event loop, which serves all clients.
            chunk = await asyncio.to_thread(self.read, size, offset)
            if not chunk:
                raise OSError("The file became shorter while it was sent.")
            offset += len(chunk)
            yield chunk
        self.close()

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        """Closes the file of a request that was cancelled before its response existed."""
        self.close()


def open_below(root: str, path: str) -> OpenFile:
    """FileMissing when `path` is not a regular file below `root`, or when a part of it is a symbolic link."""
    folder, _, name = path.rpartition("/")
    # Paths come from records on disks. NUL: os.open raises a ValueError for it, no OSError.
    if any(part in {"", ".", ".."} for part in path.split("/")) or "\0" in path:
        raise FileMissing(f"{path!r} is not a path below a storage root.")
    try:
        descriptor = _open_descriptor(root, folder, name)
    except OSError as error:
        raise FileMissing(f"The file {path} cannot be opened: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileMissing(f"{path} is not a regular file.")
    return OpenFile(descriptor)


def _open_descriptor(root: str, folder: str, name: str) -> int:
    # O_NONBLOCK: a FIFO in the place of the file would block this thread for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with contextlib.closing(RootFiles(root)) as files, files.folder(folder) as at:
        return os.open(name, flags, dir_fd=at)


class FileRow(Protocol):
    """What rows with a file and copies have in common. `table` is its name in
    `captures.storage.stored_files`."""

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
