"""`Staging`: copies of pictures on their way into a storage root, safe against a kill at any time. Django-free.

A batch is copied into `<root>/.organize` (copy), its final paths are written to a plan (plan), and the copies get these
paths by hard links (place). Then its rows are committed, and copies and plan are removed (done). After a kill before
the rows, `recover` removes what was linked; after it, only the copies.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple, Self, TypedDict

from cameras.spool.durable import FolderLock, RootFiles
from cameras.spool.failpoints import hit_failpoint
from cameras.spool.storage import RootMissing, read_marker, root_missing_message
from captures.organizing.inspector import Stopped

FOLDER = ".organize"
CHUNK_BYTES = 1 << 20
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class StagingLocked(Exception):
    """Another process adopts pictures into this root."""


class CopyFailed(Exception):
    """What was read back from the disk is not what was written."""


class SourceUnreadable(Exception):
    """A file that is copied cannot be read to its end."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"It cannot be read: {error.strerror}.")


class StagedFile(NamedTuple):
    """A copy: its name in the staging folder, and its final path."""

    part: str
    path: str


class _PlannedFile(TypedDict):
    part: str
    path: str


class StagingPlan(TypedDict):
    """The content of `<capture>.json`: the captures of a batch, and the files."""

    captures: list[str]
    files: list[_PlannedFile]


def read_chunk(source: int, place: int) -> bytes:
    try:
        return os.pread(source, CHUNK_BYTES, place)
    except OSError as error:
        raise SourceUnreadable(error) from error


def has_copies(root: str) -> bool:
    """Whether the staging folder of the root at this path has anything but its lock."""
    try:
        return bool(set(os.listdir(f"{root}/{FOLDER}")) - {".lock"})
    except OSError:
        return False  # nothing was ever adopted here, or the root is not mounted


class Staging:
    """Owns the staging folder of a root by a lock, from `__init__` to the end of the `with` block."""

    def __init__(self, path: str, root: str) -> None:
        """RootMissing, StagingLocked, OSError."""
        # Before anything is created: the folder may be an empty mount point.
        if read_marker(path) != root:
            raise RootMissing(root_missing_message(path))
        self._path, self._root, self.files = path, root, RootFiles(path)
        try:
            self.files.make_folders(FOLDER)
            self._lock = FolderLock(self.files, FOLDER)
            if not self._lock.acquire():
                raise StagingLocked(f"Another process adopts pictures into {path}; it must end first.")
        except BaseException:
            self.files.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self.files.close()

    def check(self) -> None:
        """Called before each batch. RootMissing."""
        if read_marker(self._path) != self._root:
            raise RootMissing(root_missing_message(self._path))

    def free_bytes(self) -> int:
        return self.files.free_bytes()

    # The steps

    def copy(self, source: int, part: str, should_stop: Callable[[], bool]) -> str:
        """Copy an open file durably, and read the copy back. Returns its SHA-256. CopyFailed, SourceUnreadable,
        Stopped, OSError of the root."""
        digest = hashlib.sha256()

        def chunks() -> Iterator[bytes]:
            place = 0
            while chunk := read_chunk(source, place):
                if should_stop():
                    raise Stopped
                digest.update(chunk)
                place += len(chunk)
                yield chunk

        self.files.create(FOLDER, part, chunks())
        found = digest.hexdigest()
        if self._read_back(part) != found:
            self.discard([part])
            raise CopyFailed(f"{self._path} did not keep a copy as it was written. Check the disk.")
        hit_failpoint("after_copy")
        return found

    def has_content(self, path: str, sha256: str) -> bool:
        """Whether a file of the root can be read and has this content."""
        folder, _, name = path.rpartition("/")
        try:
            return self._read_back(name, folder) == sha256
        except OSError:
            return False

    def _read_back(self, part: str, folder: str = FOLDER) -> str:
        with self.files.folder(folder) as at:
            descriptor = os.open(part, READ, dir_fd=at)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            # From the disk, not from memory; the copy was fsynced.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            return hashlib.file_digest(file, "sha256").hexdigest()

    def plan(self, captures: list[str], files: list[StagedFile]) -> str:
        """Write the final paths durably. Returns the name of the plan."""
        name = f"{captures[0]}.json"
        planned = [_PlannedFile(part=file.part, path=file.path) for file in files]
        content = json.dumps(StagingPlan(captures=captures, files=planned)).encode()
        self.files.create(FOLDER, f"tmp-{name}", [content])
        # A kill during the write must not leave a plan that cannot be read.
        self.files.rename(FOLDER, f"tmp-{name}", name)
        # This sync makes the names of the copies durable as well.
        self.files.sync(FOLDER)
        hit_failpoint("after_copies_planned")
        return name

    def place(self, files: list[StagedFile]) -> None:
        """FileExistsError when another file has one of the paths."""
        for file in files:
            folder, _, name = file.path.rpartition("/")
            self.files.make_folders(folder)
            self.files.link(FOLDER, file.part, folder, name)
        for folder in {file.path.rpartition("/")[0] for file in files}:
            self.files.sync(folder)
        hit_failpoint("after_copies_placed")

    def done(self, plan: str, files: list[StagedFile]) -> None:
        """After the rows are committed: remove the copies' first names, then the plan."""
        hit_failpoint("after_copies_stored")
        self.discard([file.part for file in files])
        self.files.unlink(FOLDER, plan)
        self.files.sync(FOLDER)
        hit_failpoint("after_copies_done")

    def discard(self, parts: list[str]) -> None:
        for part in parts:
            self.files.unlink(FOLDER, part)

    def is_taken(self, path: str) -> bool:
        """Whether a file has the path already."""
        folder, _, name = path.rpartition("/")
        return self.files.size(folder, name) is not None

    # After a kill

    def recover(self, find_stored: Callable[[list[str]], set[str]]) -> int:
        """Finish or remove what a killed process left. `find_stored`: of these captures, those that have rows. Returns
        how many batches were undone."""
        names = self.files.names(FOLDER)
        plans = [name for name in names if name.endswith(".json") and not name.startswith("tmp-")]
        undone = sum(self._recover_batch(plan, find_stored) for plan in plans)
        self.discard([name for name in names if name.endswith(".part") or name.startswith("tmp-")])
        self.files.sync(FOLDER)
        return undone

    def _recover_batch(self, name: str, find_stored: Callable[[list[str]], set[str]]) -> bool:
        """Whether the batch was undone."""
        plan: StagingPlan = json.loads(self.files.read(FOLDER, name))
        files = [StagedFile(file["part"], file["path"]) for file in plan["files"]]
        # One transaction stores a batch, so all captures have rows or none has.
        stored = bool(find_stored(plan["captures"]))
        if not stored:
            self.undo(files)
        self.discard([file.part for file in files])
        self.files.unlink(FOLDER, name)
        self.files.sync(FOLDER)
        return not stored

    def undo(self, files: list[StagedFile]) -> None:
        """Remove the links that were made. A path that leads to another file is left."""
        for file in files:
            folder, _, name = file.path.rpartition("/")
            if self.files.is_same_file(FOLDER, file.part, folder, name):
                self.files.unlink(folder, name)
                self.files.sync(folder)
