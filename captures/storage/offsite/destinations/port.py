"""What every kind of destination does, what it needs, and the failpoints of a copy in their order. Django-free."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core.failpoints import Failpoints

CHUNK_BYTES = 256 * 1024


class DestinationError(Exception):
    """The copy or the destination failed, for the reason of the message, which names no secret and no file. It is
    tried again."""


def without_secrets(said: str, secrets: Iterable[str]) -> str:
    """The words of a server, which may repeat what it was sent. They get into events, alerts and logs."""
    for secret in filter(None, secrets):
        said = said.replace(secret, "[hidden]")
    return said


class WrongChecksum(DestinationError):
    """What is at the far end is not the file. It was removed there, or is overwritten by the next attempt."""

    def __init__(self, message: str = "The copy differs from the file.") -> None:
        super().__init__(message)


class CopyMissing(DestinationError):
    """The destination answers, and does not have the copy."""


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


class Compared(StrEnum):
    """What an interrupted comparison was reading."""

    PLACED = "placed"
    """The copy of an earlier attempt, under its name."""
    BEGUN = "begun"
    """The part of a file that an earlier attempt sent."""
    SENT = "sent"
    """All that was sent, before it becomes the copy."""


@dataclass(slots=True)
class Upload:
    """What a destination remembers of an upload that it can resume, and `save`, which stores it: `id`, which is that of
    the server, or how far a comparison came. `again`: an earlier attempt may have placed the whole copy, and was killed
    before that was written down."""

    id: str = ""
    again: bool = False
    save: Callable[[str], None] = field(default=lambda _id: None)

    def set(self, ident: str) -> None:
        if ident != self.id:
            self.id = ident
            self.save(ident)

    def was_comparing(self, what: Compared) -> bool:
        """Whether an earlier attempt was interrupted in this comparison."""
        return self.id.startswith(f"{what}:")

    def compared_bytes(self, what: Compared) -> int:
        """How many bytes from the beginning it has compared."""
        return int(self.id.partition(":")[2]) if self.was_comparing(what) else 0

    def set_compared(self, what: Compared, count: int) -> None:
        self.set(f"{what}:{count}")

    def forget_compared(self, what: Compared) -> None:
        """Before the bytes at the far end change."""
        if self.was_comparing(what):
            self.set("")


class Sender(Protocol):
    """A connection to a destination. `key` is the name of a copy: relative, with slashes. Each call raises
    DestinationError."""

    def put_file(self, source: Source, key: str, upload: Upload) -> str:
        """Copy the file, continuing what an earlier attempt left, and compare its checksum at the far end. Returns who
        computed that: `read_back` or `server`. WrongChecksum, FileUnreadable, Interrupted."""

    def fetch(self, key: str, begin: int = 0) -> Iterator[bytes]:
        """The content of a copy, from the byte `begin` on."""

    def forget(self, key: str, upload: str) -> None:
        """Remove what an unfinished upload left."""

    def remove(self, key: str) -> None:
        """Remove a copy; one that is gone is no error."""

    def probe(self) -> list[str]:
        """Write, read and remove a small file. Returns what was found, in sentences."""

    def close(self) -> None: ...


Read = Callable[[int], Generator[bytes, None, None]]
"""The bytes at the far end, from an offset to the end."""


def has_beginning(source: Source, read: Read, upload: Upload, size: int) -> bool:
    """Whether what an earlier attempt has sent is the first `size` bytes of the file. Interrupted, FileUnreadable."""
    same, _ = _compare(source, read, upload, Compared.BEGUN, size)
    if same:
        upload.set_compared(Compared.BEGUN, size)
    return same


def is_whole(source: Source, read: Read, upload: Upload, what: Compared, pace: Pace) -> bool:
    """Whether the far end has the file of the row. Interrupted; FileUnreadable if the file here has changed."""
    same, digest = _compare(source, read, upload, what, source.size)
    if not same:
        upload.forget_compared(what)
    elif digest == source.sha256:
        return True
    elif not digest:
        upload.set_compared(what, source.size)
    # The far end was compared with the file, and not with its row: the file may have changed meanwhile.
    source.check(lambda: pace.take_bytes(0))
    return same and not digest


def _compare(source: Source, read: Read, upload: Upload, what: Compared, size: int) -> tuple[bool, str]:
    """Whether the far end has the first `size` bytes and no more, and their SHA-256; empty if an earlier attempt has
    read some of them. How far an attempt came that is interrupted is stored: else a file that takes longer than an
    attempt may would be read from its beginning for ever."""
    begin = upload.compared_bytes(what)
    begin = place = begin if begin <= size else 0
    digest = hashlib.sha256()
    try:
        with contextlib.closing(read(begin) if begin < size else no_bytes()) as chunks:
            for chunk in chunks:
                if chunk != source.read(len(chunk), place):
                    return False, ""
                digest.update(chunk)
                place += len(chunk)
    except Interrupted:
        upload.set_compared(what, place)
        raise
    return place == size, "" if begin else digest.hexdigest()


def no_bytes() -> Generator[bytes, None, None]:
    yield from ()


def check_key(key: str) -> str:
    """The key, if it is a relative path without `..`. DestinationError."""
    if not key or any(part in {"", ".", ".."} for part in key.split("/")) or "\0" in key:
        raise DestinationError("The path of the file cannot be the name of a copy.")
    return key


FAILPOINTS = Failpoints(
    (
        "after_claim",
        "after_upload_begun",
        "after_part_sent",
        "after_data_sent",
        "after_copy_placed",
        "after_copy_compared",
        "after_row_verified",
    )
)
