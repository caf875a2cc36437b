"""Files that survive a power cut. Every path is relative to a storage root, which is held by a directory descriptor.

`Files` is all that the spool needs of a disk; tests/harness/disks/memory_files.py is its other implementation.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from typing import Protocol

from core.durable_files import move_to_free_name
from core.watchdog import DiskWatchdog

Chunk = bytes | memoryview
# O_NOFOLLOW: the marker identifies this root only, and a symbolic link could lead to another disk.
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Files(Protocol):
    """A folder is a path relative to the root, without `..`; a name has no slash. Raises the OSError of the system."""

    def create(self, folder: str, name: str, chunks: Iterable[Chunk]) -> None:
        """Create a file with this content and fsync it. EEXIST when the name exists; a failed file is removed."""

    def overwrite(self, folder: str, name: str, content: bytes) -> None:
        """Overwrite a file that is long enough already, and fsync it. Needs no free space."""

    def preallocate(self, folder: str, name: str, size: int) -> None:
        """Create a file of `size` bytes that are allocated on the disk, and fsync it."""

    def link(self, folder: str, name: str, to_folder: str, to_name: str) -> None: ...

    def rename(self, folder: str, name: str, to_name: str) -> None:
        """Within one folder; replaces an existing file."""

    def move_aside(self, folder: str, name: str, to_folder: str) -> None:
        """Rename into another folder."""

    def unlink(self, folder: str, name: str) -> None:
        """Remove a file; no error when it does not exist."""

    def make_folders(self, folder: str) -> None:
        """Create the folder and its parents; each new one is fsynced into its parent."""

    def sync(self, folder: str) -> None: ...

    def names(self, folder: str) -> list[str]: ...

    def read(self, folder: str, name: str) -> bytes: ...

    def size(self, folder: str, name: str) -> int | None:
        """None when there is no such file."""

    def is_same_file(self, folder: str, name: str, other_folder: str, other_name: str) -> bool:
        """Whether both names exist and are links to one file."""

    def links(self, folder: str, name: str) -> int: ...


class OpenRoot:
    """A storage root held by a directory descriptor. The descriptors of the root and of its spool stay open. Every
    other folder is opened again for each call, since people move folders while cameras run. `watchdog` times each
    call."""

    def __init__(self, path: str, watchdog: DiskWatchdog | None = None) -> None:
        self.watchdog = watchdog or DiskWatchdog()
        with self.watchdog.watch_call():
            self._kept: dict[str, int] = {"": os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)}

    def close(self) -> None:
        for descriptor in self._kept.values():
            os.close(descriptor)
        self._kept.clear()

    def hold_folder_open(self, folder: str) -> int:
        """Keep `folder` open as long as this object lives; returns its descriptor."""
        if folder not in self._kept:
            with self.folder(folder) as descriptor:
                # A duplicate, because `folder` closes its own descriptor at the end of the block.
                self._kept[folder] = os.dup(descriptor)
                os.set_inheritable(self._kept[folder], False)
        return self._kept[folder]

    def root_status(self) -> os.stat_result:
        with self.folder("") as root:
            return os.fstat(root)

    def free_bytes(self) -> int:
        """Bytes that are free for this user on the file system of the root. OSError."""
        with self.folder("") as root:
            found = os.fstatvfs(root)
        return found.f_bavail * found.f_frsize

    def read_only(self) -> bool:
        """Whether the file system of the root is mounted read-only."""
        with self.folder("") as root:
            return bool(os.fstatvfs(root).f_flag & os.ST_RDONLY)

    @contextlib.contextmanager
    def folder(self, folder: str) -> Iterator[int]:
        """A descriptor of `folder`, without following symbolic links. The watchdog times the block as one call."""
        with self.watchdog.watch_call():
            if folder in self._kept:
                yield self._kept[folder]
                return
            descriptor = self._open_folder(folder)
            try:
                yield descriptor
            finally:
                os.close(descriptor)

    def _open_folder(self, folder: str) -> int:
        if not folder:
            # Only after `close`, by a thread that comes late. The code below would recurse without end.
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), folder)
        parent, _, name = folder.rpartition("/")
        # Step by step: O_NOFOLLOW concerns only the last name of a path, and a link before it would be followed.
        with self.folder(parent) as above:
            return os.open(name, FOLDER, dir_fd=above)


class RootFiles(OpenRoot):
    """`Files` on the real disk."""

    def open_new(self, folder: str, name: str) -> int:
        """A descriptor of a new file to append to. The caller closes it. EEXIST when the name exists."""
        with self.folder(folder) as at:
            return os.open(name, NEW, 0o640, dir_fd=at)

    def open_existing(self, folder: str, name: str) -> int:
        """A descriptor of an existing file, to read and to truncate."""
        with self.folder(folder) as at:
            return os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)

    def create(self, folder: str, name: str, chunks: Iterable[Chunk]) -> None:
        with self.folder(folder) as at:
            file = os.open(name, NEW, 0o640, dir_fd=at)
            try:
                for chunk in chunks:
                    _write_all(file, chunk)
                # Only the content: the caller syncs the folder, once for several files.
                os.fsync(file)
            except BaseException:
                # Whatever the chunks raised (the encoder, the camera, the disk): a second try creates the same name.
                os.unlink(name, dir_fd=at)
                raise
            finally:
                os.close(file)

    def overwrite(self, folder: str, name: str, content: bytes) -> None:
        # Without O_TRUNC: the blocks would become free, and on a full disk another program could use them.
        with self._opened(folder, name, os.O_WRONLY) as file:
            _write_all(file, content)
            os.fsync(file)

    def preallocate(self, folder: str, name: str, size: int) -> None:
        # A kill after this line leaves an empty slot, which `remove_temporaries` removes.
        self.create(folder, name, [])
        try:
            with self._opened(folder, name, os.O_WRONLY) as file:
                # Not ftruncate: it makes a sparse file, which needs free space once it is written.
                os.posix_fallocate(file, 0, size)
                os.fsync(file)
        except OSError:
            self.unlink(folder, name)
            raise

    def link(self, folder: str, name: str, to_folder: str, to_name: str) -> None:
        with self.folder(folder) as source, self.folder(to_folder) as target:
            # Unlike link(2), os.link follows a symbolic link at the source by default.
            os.link(name, to_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)

    def rename(self, folder: str, name: str, to_name: str) -> None:
        with self.folder(folder) as at:
            os.rename(name, to_name, src_dir_fd=at, dst_dir_fd=at)

    def move_to_free_name(self, folder: str, name: str, to_name: str) -> None:
        """As `rename`, but FileExistsError when there is a file of that name. A kill may leave both names."""
        with self.folder(folder) as at:
            move_to_free_name(name, to_name, at)

    def move_aside(self, folder: str, name: str, to_folder: str) -> None:
        with self.folder(folder) as source, self.folder(to_folder) as target:
            os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)

    def unlink(self, folder: str, name: str) -> None:
        with self.folder(folder) as at, contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=at)

    def make_folders(self, folder: str) -> None:
        if not folder:
            return
        try:
            with self.folder(folder):
                return
        except FileNotFoundError:
            parent, _, name = folder.rpartition("/")
        self.make_folders(parent)
        with self.folder(parent) as at:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o750, dir_fd=at)
            # Also if another process has created the folder meanwhile: it may not have synced it yet.
            os.fsync(at)

    def sync(self, folder: str) -> None:
        with self.folder(folder) as at:
            os.fsync(at)

    def names(self, folder: str) -> list[str]:
        with self.folder(folder) as at:
            return os.listdir(at)

    def read(self, folder: str, name: str) -> bytes:
        with self._opened(folder, name, os.O_RDONLY) as file:
            parts = []
            while part := os.read(file, 1 << 20):
                parts.append(part)
        return b"".join(parts)

    def size(self, folder: str, name: str) -> int | None:
        found = self._stat(folder, name)
        return found.st_size if found else None

    def is_same_file(self, folder: str, name: str, other_folder: str, other_name: str) -> bool:
        one, other = self._stat(folder, name), self._stat(other_folder, other_name)
        return one is not None and other is not None and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)

    def links(self, folder: str, name: str) -> int:
        found = self._stat(folder, name)
        return found.st_nlink if found else 0

    def _stat(self, folder: str, name: str) -> os.stat_result | None:
        try:
            with self.folder(folder) as at:
                return os.stat(name, dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def _opened(self, folder: str, name: str, flags: int) -> Iterator[int]:
        with self.folder(folder) as at:
            file = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        try:
            yield file
        finally:
            os.close(file)


def _write_all(file: int, chunk: Chunk) -> None:
    view = memoryview(chunk)
    while view:
        # os.write may write less than it gets, for example when the disk becomes full.
        view = view[os.write(file, view) :]


class LockLost(Exception):
    """The lock file was removed or replaced while it was held."""


class FolderLock:
    """An flock on `<folder>/.lock`. It is valid only while the path leads to the locked file (the same inode)."""

    def __init__(self, root: OpenRoot, folder: str) -> None:
        self._at = root.hold_folder_open(folder)
        self._file: int | None = None

    def acquire(self) -> bool:
        """False when another process holds it."""
        self.release()
        while True:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(".lock", flags, 0o640, dir_fd=self._at)
            try:
                # Not lockf: it ends when this process closes any descriptor of the file, and excludes other processes
                # only.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            self._file = file
            # Between open and flock the file may have been removed or replaced; then the lock protects nothing.
            if self._is_ours():
                return True
            self.release()

    def check(self) -> None:
        """LockLost when the path no longer leads to the locked file."""
        if not self._is_ours():
            raise LockLost("The lock file of the spool was removed while it was held.")

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _is_ours(self) -> bool:
        if self._file is None:
            return False
        try:
            there = os.stat(".lock", dir_fd=self._at, follow_symlinks=False)
        except FileNotFoundError:
            return False
        ours = os.fstat(self._file)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
