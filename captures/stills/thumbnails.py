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
from cameras.runtime.storage import MARKER, RootMissing, missing_sentence

FOLDER = ".thumbnails"
SIZES = (320, 800, 2048)
"""The longest side in pixels; a smaller picture keeps its own."""
PICTURES = ("jpeg", "png", "tiff", "raw")
"""Kinds of file that can be drawn, the quickest first."""
MOST_BYTES = 8_000_000
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
            raise RootMissing(missing_sentence(path))

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


def write(name: str, content: bytes, at: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o640, dir_fd=at), "wb") as file:
        file.write(content)
