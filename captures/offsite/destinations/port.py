"""What every kind of destination does, and what it needs. Django-free."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

CHUNK_BYTES = 256 * 1024


class DestinationError(Exception):
    """The copy or the destination failed, for the reason of the message, which names no secret and no file. It is
    tried again."""


class WrongChecksum(DestinationError):
    """What is at the far end is not the file. It was removed there, or is overwritten by the next attempt."""


class FileUnreadable(Exception):
    """The file on this host cannot be copied: it is missing or differs from its row. No retry mends that."""


class Interrupted(Exception):
    """The work is to stop here and to continue later; nothing failed."""


class Pace(Protocol):
    def take_bytes(self, count: int) -> None:
        """Let `count` bytes pass: waits for the limit of bandwidth. Interrupted."""


@dataclass(slots=True)
class Source:
    """An open file of this host, as its row has it."""

    descriptor: int
    size: int
    sha256: str

    def read(self, size: int, offset: int) -> bytes:
        """Exactly `size` bytes, or those that are left. FileUnreadable."""
        wanted = max(0, min(size, self.size - offset))
        try:
            found = os.pread(self.descriptor, wanted, offset)
        except OSError as error:
            raise FileUnreadable(f"The file cannot be read: {os.strerror(error.errno or 0)}.") from error
        if len(found) < wanted:
            # A regular file gives less only at its end.
            raise FileUnreadable("The file became shorter while it was read.")
        return found

    def chunks(self, begin: int = 0, end: int | None = None) -> Iterator[bytes]:
        """FileUnreadable."""
        last = self.size if end is None else end
        while begin < last:
            chunk = self.read(min(CHUNK_BYTES, last - begin), begin)
            yield chunk
            begin += len(chunk)

    def digest(self, end: int) -> str:
        """The SHA-256 of the first `end` bytes."""
        digest = hashlib.sha256()
        for chunk in self.chunks(0, end):
            digest.update(chunk)
        return digest.hexdigest()

    def check(self, should_go_on: Callable[[], None]) -> None:
        """Read all of it. FileUnreadable if it is not the file of its row; what `should_go_on` raises."""
        found = os.fstat(self.descriptor).st_size
        if found != self.size:
            raise FileUnreadable(f"The file has {found} bytes, but was stored with {self.size}.")
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
            should_go_on()
        if digest.hexdigest() != self.sha256:
            raise FileUnreadable("The content of the file has changed: its SHA-256 is not that of its row.")


@dataclass(slots=True)
class Upload:
    """What a destination remembers of an upload that it can resume: `id`, and `save`, which stores it. `again`: an
    earlier attempt may have placed the whole copy, and was killed before that was written down."""

    id: str = ""
    again: bool = False
    save: Callable[[str], None] = field(default=lambda _id: None)

    def set(self, ident: str) -> None:
        self.id = ident
        self.save(ident)


class Sender(Protocol):
    """A connection to a destination. `key` is the name of a copy: relative, with slashes. Each call raises
    DestinationError."""

    def put_file(self, source: Source, key: str, upload: Upload) -> str:
        """Copy the file, continuing what an earlier attempt left, and compare its checksum at the far end. Returns who
        computed that: `read_back` or `server`. WrongChecksum, FileUnreadable, Interrupted."""

    def fetch(self, key: str) -> Iterator[bytes]:
        """The content of a copy."""

    def forget(self, key: str, upload: str) -> None:
        """Remove what an unfinished upload left."""

    def probe(self) -> list[str]:
        """Write, read and remove a small file. Returns what was found, in sentences."""

    def close(self) -> None: ...


def compare(wanted: str, found: str) -> None:
    """WrongChecksum unless the two SHA-256 are equal."""
    if wanted != found:
        raise WrongChecksum(f"The copy has the SHA-256 {found[:12]}…, not {wanted[:12]}….")


def check_key(key: str) -> str:
    """The key, if it is a relative path without `..`. DestinationError."""
    if not key or any(part in {"", ".", ".."} for part in key.split("/")) or "\0" in key:
        raise DestinationError("The path of the file cannot be the name of a copy.")
    return key
