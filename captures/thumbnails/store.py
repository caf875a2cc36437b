"""Thumbnails on disk: `<root>/.thumbnails/<2 hex>/<sha256>-<size>.jpg`, named by the SHA-256 of the original file;
and the jobs that render them. They can be rendered again, so they are not fsynced: one that a power cut truncated
counts as missing. Django-free."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from typing import NotRequired, Self, TypedDict

from cameras.spool.durable import RootFiles
from cameras.spool.storage import MARKER, RootMissing, root_missing_message
from captures.mp4 import HEADER_VERSION as FASTSTART
from captures.mp4 import MAX_HEADER_BYTES

FOLDER = ".thumbnails"
SIZES = (320, 800, 2048)
"""The longest side in pixels; a smaller picture keeps its size."""
PICTURE_KINDS = ("jpeg", "png", "tiff", "fits", "raw")
"""Kinds of file that thumbnails can be rendered from, the fastest first."""
HEAD = f"head{FASTSTART}"
HEAD_END = b"skycam head"
"""The last bytes of a complete head; one that a power cut truncated lacks them."""
MAX_BYTES = MAX_HEADER_BYTES + len(HEAD_END)
JPEG_BEGIN, JPEG_END = b"\xff\xd8", b"\xff\xd9"


def picture_index(kinds: Sequence[str]) -> int | None:
    """Index, among `kinds`, of the file that a capture's thumbnails show; None when none can be rendered."""
    places = [kinds.index(kind) for kind in PICTURE_KINDS if kind in kinds]
    return places[0] if places else None


class ThumbnailStore:
    """The thumbnails of one storage root. Methods raise the OSError of the disk."""

    def __init__(self, path: str, root: str | None = None) -> None:
        """RootMissing when the folder's marker file does not hold `root`. Callers that write must pass it."""
        self.files = RootFiles(path)
        if root is not None and not self._has_marker(root):
            self.close()
            raise RootMissing(root_missing_message(path))

    def _has_marker(self, root: str) -> bool:
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

    def read_thumbnail(self, sha256: str, size: int) -> bytes | None:
        """A complete JPEG; None when it is missing or truncated."""
        found = self._read(sha256, f"{sha256}-{size}.jpg")
        whole = found is not None and found.startswith(JPEG_BEGIN) and found.endswith(JPEG_END)
        return found if whole else None

    def has_all_sizes(self, sha256: str) -> bool:
        return all(self.read_thumbnail(sha256, size) is not None for size in SIZES)

    def write_thumbnail(self, sha256: str, size: int, jpeg: bytes) -> None:
        self._write(sha256, f"{sha256}-{size}.jpg", jpeg)

    def read_head(self, sha256: str) -> bytes | None:
        """The bytes that make a clip quick to open (`captures.mp4`), empty for a clip that needs none;
        None when they are not made yet or are truncated."""
        found = self._read(sha256, f"{sha256}.{HEAD}")
        if found is None or not found.endswith(HEAD_END):
            return None
        return found.removesuffix(HEAD_END)

    def write_head(self, sha256: str, head: bytes) -> None:
        self._write(sha256, f"{sha256}.{HEAD}", head + HEAD_END)

    def read_failure(self, sha256: str) -> str | None:
        """Why this file cannot be rendered; None when no attempt has failed."""
        found = self._read(sha256, f"{sha256}.none")
        return found.decode(errors="replace") if found else None

    def write_failure(self, sha256: str, why: str) -> None:
        """Store why rendering failed, so that the same bytes are not tried again."""
        self._write(sha256, f"{sha256}.none", why.encode())

    @contextlib.contextmanager
    def open_original(self, path: str) -> Iterator[int]:
        """A descriptor of a file below the root. OSError when a part of `path` is a symbolic link."""
        folder, _, name = path.rpartition("/")
        with self.files.folder(folder) as at:
            # O_NONBLOCK: a FIFO in the place of the file would block the caller for ever.
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, sha256: str, name: str) -> bytes | None:
        try:
            with self.open_original(f"{folder_of(sha256)}/{name}") as file:
                return os.read(file, MAX_BYTES)
        except FileNotFoundError:
            return None

    def _write(self, sha256: str, name: str, content: bytes) -> None:
        folder = folder_of(sha256)
        self.files.make_folders(folder)
        # Renamed when complete. Process and thread are in the name, as a camera process and the worker of the jobs part
        # may render the same file at the same time.
        part = f".{name}.{os.getpid()}-{threading.get_native_id()}"
        with self.files.folder(folder) as at:
            try:
                write(part, content, at)
                os.rename(part, name, src_dir_fd=at, dst_dir_fd=at)
            except OSError:
                # The first error is the one to report.
                with contextlib.suppress(OSError):
                    os.unlink(part, dir_fd=at)
                raise


def folder_of(sha256: str) -> str:
    return f"{FOLDER}/{sha256[:2]}"


def delete_thumbnails(files: RootFiles, sha256: str) -> None:
    """Remove the thumbnails of a file that is being deleted."""
    names = [f"{sha256}-{size}.jpg" for size in SIZES]
    for name in (*names, f"{sha256}.none", f"{sha256}.{HEAD}"):
        # The folder may be missing: thumbnails can be deleted at any time.
        with contextlib.suppress(FileNotFoundError):
            files.unlink(folder_of(sha256), name)


def write(name: str, content: bytes, at: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o640, dir_fd=at), "wb") as file:
        file.write(content)


CLIP = "mp4"
"""The kind of a clip."""


class ThumbnailJob(TypedDict):
    """One file to render: `path` is relative to the storage root at `root_path`, whose marker file holds `root`."""

    root: str
    root_path: str
    path: str
    kind: str
    sha256: str
    bytes: int
    simulated: NotRequired[bool]
