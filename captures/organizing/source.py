"""`SourceFiles`: the folder that is organized, whose originals are removed once they are placed. Its names and links
are hostile: no symbolic link is followed, and nothing outside of the folder is opened. Django-free."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from cameras.spool.durable import RootFiles
from cameras.spool.failpoints import hit_failpoint
from captures.organizing.findings import Findings, Reason, printable

MAX_FILES = 100_000
MAX_DEPTH = 32
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: a FIFO would block the caller for ever."""


class TooManyFiles(Exception):
    """The folder is larger than one job organizes; the message says what to do."""


class Inode(NamedTuple):
    device: int
    number: int

    @classmethod
    def of(cls, found: os.stat_result) -> Inode:
        return cls(found.st_dev, found.st_ino)


class SourceFile(NamedTuple):
    """`path` is relative to the folder."""

    path: str
    bytes: int


class Ignored(NamedTuple):
    path: str
    reason: Reason
    message: str


@dataclass(slots=True)
class Listing:
    """The files of a folder in a fixed order, so that each attempt of a job finds them alike. Names that begin with a
    dot are only counted."""

    files: list[SourceFile] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    hidden: int = 0


class SourceFiles:
    def __init__(self, folder: str) -> None:
        """`folder` is absolute. OSError, also when a part of the path is a symbolic link."""
        self._files = RootFiles(folder)
        # The rights of the person who named the folder were checked before. A link that was put in its place since
        # would lead to what only the station's user may read.
        with self._files.folder("") as at:
            is_link = os.readlink(f"/proc/self/fd/{at}") != folder
        if is_link:
            self._files.close()
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), folder)

    def close(self) -> None:
        self._files.close()

    def list_files(self, forbidden: Collection[Inode], most: int = MAX_FILES) -> Listing:
        """All files below the folder, without those in the folders `forbidden`. TooManyFiles; OSError of the folder
        itself."""
        listing = Listing()
        # Opened here and not in `_list_folder`: a folder that cannot be read at all is an error of the whole.
        with self._files.folder("") as at:
            os.listdir(at)
        self._list_folder("", listing, forbidden, most)
        return listing

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """A descriptor to read. OSError, also when a part of the path is a symbolic link."""
        folder, _, name = path.rpartition("/")
        with self._files.folder(folder) as at:
            descriptor = os.open(name, OPEN, dir_fd=at)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def state_with_content(self, path: str, sha256: str) -> os.stat_result | None:
        """The state of the file before it was read; None when it has another content. OSError."""
        with self.opened(path) as descriptor:
            found = os.fstat(descriptor)
            with os.fdopen(os.dup(descriptor), "rb", buffering=0) as file:
                return found if hashlib.file_digest(file, "sha256").hexdigest() == sha256 else None

    def remove(self, path: str, expected: os.stat_result) -> bool:
        """Remove a file. False when it is no longer the expected one. OSError."""
        folder, _, name = path.rpartition("/")
        with self._files.folder(folder) as at:
            try:
                found = os.stat(name, dir_fd=at, follow_symlinks=False)
            except FileNotFoundError:
                return True  # removed before a kill, or by someone else
            if fingerprint(found) != fingerprint(expected):
                return False
            os.unlink(name, dir_fd=at)
            os.fsync(at)
        return True

    def _list_folder(self, folder: str, listing: Listing, forbidden: Collection[Inode], most: int) -> None:
        try:
            with self._files.folder(folder) as at:
                if Inode.of(os.fstat(at)) in forbidden:
                    message = "The station's own files are in this folder."
                    listing.ignored.append(Ignored(folder, Reason.STATION_FOLDER, message))
                    return
                names = os.listdir(at)
                if len(names) > most:
                    raise too_many_files(most)
                entries = [(name, found) for name in names if (found := stat_entry(at, folder, name, listing))]
        except OSError as error:
            listing.ignored.append(Ignored(folder, Reason.UNREADABLE, f"It cannot be read: {error.strerror}."))
            return
        for name, found in sorted(entries, key=order):
            self._list_entry(join(folder, name), found, listing, forbidden, most)

    def _list_entry(
        self, path: str, found: os.stat_result, listing: Listing, forbidden: Collection[Inode], most: int
    ) -> None:
        if path.rpartition("/")[2].startswith("."):
            listing.hidden += 1
        elif stat.S_ISDIR(found.st_mode):
            if path.count("/") >= MAX_DEPTH:
                raise TooManyFiles(
                    f"{printable(path[:80])}… is more than {MAX_DEPTH} folders deep. Organize its parts one by one."
                )
            self._list_folder(path, listing, forbidden, most)
        elif stat.S_ISLNK(found.st_mode):
            listing.ignored.append(Ignored(path, Reason.SYMBOLIC_LINK, "Symbolic links are not followed."))
        elif not stat.S_ISREG(found.st_mode):
            listing.ignored.append(Ignored(path, Reason.NOT_A_PICTURE, "It is not a regular file."))
        else:
            listing.files.append(SourceFile(path, found.st_size))
        if len(listing.files) + len(listing.ignored) + listing.hidden > most:
            raise too_many_files(most)


def too_many_files(most: int) -> TooManyFiles:
    return TooManyFiles(f"The folder has more than {most} files. Organize its parts one by one.")


def join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def stat_entry(at: int, folder: str, name: str, listing: Listing) -> os.stat_result | None:
    """None for a file that was removed after its folder was listed, or that cannot be read, which is then listed."""
    try:
        return os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"It cannot be read: {error.strerror}."
        listing.ignored.append(Ignored(join(folder, name), Reason.UNREADABLE, message))
        return None


def order(entry: tuple[str, os.stat_result]) -> tuple[bool, str, str]:
    """Files before folders, and files of one stem one after the other."""
    name, found = entry
    return stat.S_ISDIR(found.st_mode), os.path.splitext(name)[0], name


def fingerprint(found: os.stat_result) -> tuple[int, int, int, int]:
    """What changes when a file is replaced or written."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class OriginalRemover:
    """An original that cannot be removed, or has changed, is added to `findings`."""

    def __init__(self, source: SourceFiles, findings: Findings) -> None:
        self._source, self._findings = source, findings

    def remove(self, path: str, expected: os.stat_result) -> None:
        """Remove a file that was just copied. `expected` is its state before that."""
        self._remove(path, lambda: expected)

    def remove_adopted(self, path: str, sha256: str, *, is_kept: bool) -> None:
        """Remove a file that was copied before a kill, if it still has this content. `is_kept`: its copy has it."""
        if not is_kept:
            # What ended the first attempt, such as a power cut, may have taken the copy as well.
            message = "It is adopted, and was not removed: its copy is not in the storage root as it was stored."
            self._findings.add_not_placed(path, Reason.NOT_REMOVED, message)
            return
        # Hashed again: another program may have written it since it was inspected.
        self._remove(path, lambda: self._source.state_with_content(path, sha256))

    def _remove(self, path: str, find_expected: Callable[[], os.stat_result | None]) -> None:
        try:
            expected = find_expected()
            removed = expected is not None and self._source.remove(path, expected)
        except FileNotFoundError:
            return  # removed by someone else
        except OSError as error:
            message = f"It is adopted, and could not be removed: {error.strerror}."
            self._findings.add_not_placed(path, Reason.NOT_REMOVED, message)
            return
        if removed:
            self._findings.removed += 1
            hit_failpoint("after_original_removed")
        else:
            message = "It is adopted, and was not removed: it was written after it was copied."
            self._findings.add_not_placed(path, Reason.NOT_REMOVED, message)
