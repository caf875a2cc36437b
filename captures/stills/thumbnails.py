"""Where thumbnails lie: `<root>/.thumbnails/<2 hex>/<sha256>-<size>.jpg`, by the SHA-256 of the file they show.

They can be drawn anew, so they are not fsynced: one that a power cut has emptied counts as missing. Django-free.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Self

from cameras.runtime.durable import RootFiles
from cameras.runtime.storage import MARKER, RootMissing, root_missing_message
from captures.recording.faststart import VERSION as FASTSTART

FOLDER = ".thumbnails"
SIZES = (320, 800, 2048)
"""The longest side in pixels; a smaller picture keeps its own."""
PICTURES = ("jpeg", "png", "tiff", "raw")
"""Kinds of file that can be drawn, the quickest first."""
MOST_BYTES = 8_000_000
HEAD = f"head{FASTSTART}"
HEAD_END = b"skycam head"
"""Ends a whole head, so that one that a power cut shortened is known."""
JPEG_BEGIN, JPEG_END = b"\xff\xd8", b"\xff\xd9"


def pictured(kinds: Sequence[str]) -> int | None:
    """The place of the file that stands for a capture with files of these kinds; None when none can be drawn."""
    places = [kinds.index(kind) for kind in PICTURES if kind in kinds]
    return places[0] if places else None


class ThumbnailStore:
    """The thumbnails below one storage root. OSError as the disk says it."""

    def __init__(self, path: str, root: str | None = None) -> None:
        """RootMissing when the folder's marker does not say `root`: whoever writes must give it."""
        self.files = RootFiles(path)
        if root is not None and not self._is(root):
            self.close()
            raise RootMissing(root_missing_message(path))

    def _is(self, root: str) -> bool:
        try:
            return self.files.read("", MARKER).decode("ascii", "replace").strip() == root
        except OSError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.files.close()

    def read(self, sha256: str, size: int) -> bytes | None:
        """A whole JPEG; None without one."""
        found = self._read(sha256, f"{sha256}-{size}.jpg")
        whole = found is not None and found.startswith(JPEG_BEGIN) and found.endswith(JPEG_END)
        return found if whole else None

    def complete(self, sha256: str) -> bool:
        return all(self.read(sha256, size) is not None for size in SIZES)

    def put(self, sha256: str, size: int, jpeg: bytes) -> None:
        self._write(sha256, f"{sha256}-{size}.jpg", jpeg)

    def head(self, sha256: str) -> bytes | None:
        """What makes a clip quick to open (`captures.recording.faststart`), empty for one that needs none; None when
        nobody has made it yet, or the disk has lost a part of it."""
        found = self._read(sha256, f"{sha256}.{HEAD}")
        if found is None or not found.endswith(HEAD_END):
            return None
        return found.removesuffix(HEAD_END)

    def put_head(self, sha256: str, head: bytes) -> None:
        self._write(sha256, f"{sha256}.{HEAD}", head + HEAD_END)

    def refusal(self, sha256: str) -> str | None:
        """Why this file cannot be drawn; None when nobody has found that out."""
        found = self._read(sha256, f"{sha256}.none")
        return found.decode(errors="replace") if found else None

    def refuse(self, sha256: str, why: str) -> None:
        """Remember it, so that the same bytes are not tried again and again."""
        self._write(sha256, f"{sha256}.none", why.encode())

    @contextlib.contextmanager
    def original(self, path: str) -> Iterator[int]:
        """A descriptor of a file below the root; no part of `path` may be a symbolic link."""
        folder, _, name = path.rpartition("/")
        with self.files.folder(folder) as at:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, sha256: str, name: str) -> bytes | None:
        try:
            with self.original(f"{folder_of(sha256)}/{name}") as file:
                return os.read(file, MOST_BYTES)
        except FileNotFoundError:
            return None

    def _write(self, sha256: str, name: str, content: bytes) -> None:
        folder = folder_of(sha256)
        self.files.make_folders(folder)
        part = f".{name}.{os.getpid()}-{threading.get_native_id()}"
        with self.files.folder(folder) as at:
            try:
                write(part, content, at)
                os.rename(part, name, src_dir_fd=at, dst_dir_fd=at)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(part, dir_fd=at)
                raise


def folder_of(sha256: str) -> str:
    return f"{FOLDER}/{sha256[:2]}"


def forget(files: RootFiles, sha256: str) -> None:
    """Remove all that was drawn of a file that is going."""
    names = [f"{sha256}-{size}.jpg" for size in SIZES]
    for name in (*names, f"{sha256}.none", f"{sha256}.{HEAD}"):
        with contextlib.suppress(FileNotFoundError):
            files.unlink(folder_of(sha256), name)


def write(name: str, content: bytes, at: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o640, dir_fd=at), "wb") as file:
        file.write(content)
