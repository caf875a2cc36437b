"""The storage root of a camera process, held by a descriptor and identified by a marker. Its spool is locked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import time

from cameras.spool.durable import FolderLock, LockLost, RootFiles
from cameras.spool.full_disk import is_out_of_space
from cameras.spool.recovery import DecidedOutcome, Recovered, recover
from cameras.spool.spool import Spool, open_spool_folder
from core.watchdog import DiskWatchdog

MARKER = ".skycam-root"
LONGEST_MARKER = 1000
"""Bytes. It is a UUID."""


class RootMissing(Exception):
    """The root is not mounted: it is missing, or the path has another root. Nothing may be written."""


class SpoolLocked(Exception):
    """Another process owns this camera's spool."""


def make_root(path: Path, root: str) -> None:
    """Write the marker into a folder. Only when a person makes it a root, never for a capture."""
    files = RootFiles(str(path))
    try:
        # Fails if there is a marker: rows of files name the root by its UUID.
        files.create("", MARKER, [root.encode()])
        files.sync("")
    finally:
        files.close()


def read_marker(path: str) -> str | None:
    """The UUID in the marker of a root; None when there is no readable marker."""
    try:
        # By the path: a descriptor leads to the old root even after another file system was mounted over it. Without
        # the layers of Python's files, which take longer than the rest: it is read three times for each capture.
        file = os.open(os.path.join(path, MARKER), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(file, LONGEST_MARKER).decode("ascii").strip()
        finally:
            os.close(file)
    except (OSError, UnicodeDecodeError):
        return None


def try_link(files: RootFiles, folder: str, name: str, archive: str) -> None:
    """Try to link a file of a spool into a folder of the archive. OSError: EXDEV when they are on two file systems."""
    # A name for each spool: several cameras of a root may try at the same time.
    test = f".link-{folder.replace('/', '-')}"
    files.make_folders(archive)
    # A kill after the link has left it.
    files.unlink(archive, test)
    files.link(folder, name, archive, test)
    files.unlink(archive, test)


def separate_file_systems_message(path: str, archive: str) -> str:
    """The message for an archive, `captures` or `clips`, where that link fails with EXDEV."""
    return f"The {archive} of {path} are on another file system than its .spool. Mount one file system over both."


class Storage:
    """An open root with the locked spool of one camera, or of its clips (`part`)."""

    def __init__(self, path: str, root: str, camera: str, part: str = "", watchdog: DiskWatchdog | None = None) -> None:
        """RootMissing, SpoolLocked or OSError. `watchdog` times each call to the disk."""
        self.path, self.root, self.watchdog = path, root, watchdog or DiskWatchdog()
        self.is_closed = False
        with self.watchdog.watch_call():
            self._open(camera, part)

    def _open(self, camera: str, part: str) -> None:
        path, root = self.path, self.root
        # Before anything is created: the folder may be an empty mount point.
        if read_marker(path) != root:
            raise RootMissing(root_missing_message(path))
        self.files = RootFiles(path, self.watchdog)
        try:
            folder = open_spool_folder(self.files, camera, part)
            self._lock = FolderLock(self.files, folder)
            if not self._lock.acquire():
                raise SpoolLocked(f"Another process owns {path}/{folder}; it must end first.")
        except BaseException:
            self.files.close()
            raise
        self.spool = Spool(self.files, camera, part)

    def close(self) -> None:
        # First: another thread that still uses this root must know why its calls fail.
        self.is_closed = True
        self._lock.release()
        self.files.close()

    def check_links_into(self, archive: str) -> None:
        """OSError when files of the spool cannot be linked into this archive. A full disk is not an error here."""
        try:
            # `.lock` exists in every spool, so a full disk needs no room for a test file.
            try_link(self.files, self.spool.folder, ".lock", archive)
        except OSError as error:
            if not is_out_of_space(error):
                raise

    def recover(self, decided: DecidedOutcome | None = None, now: Callable[[], float] = time) -> Recovered:
        """`now` gives seconds since 1970."""
        return recover(self.spool, self.root, decided, now)

    def check(self) -> None:
        """Called before each commit. RootMissing when the path leads to another root; LockLost when the lock file was
        removed and another process has locked the spool."""
        with self.watchdog.watch_call():
            self._check()

    def _check(self) -> None:
        ours = self.files.root_status()
        try:
            there = os.stat(self.path)
        except OSError as error:
            raise RootMissing(root_missing_message(self.path)) from error
        # The marker is not enough: a copy of the root has the same one, and the open descriptors lead to the old root.
        if (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino) or read_marker(self.path) != self.root:
            raise RootMissing(root_missing_message(self.path))
        try:
            self._lock.check()
        except LockLost:
            # Someone deleted the file. Captures continue unless another process has locked the spool since.
            if not self._lock.acquire():
                raise


def root_missing_message(path: str) -> str:
    return (
        f"The storage root {path} is not mounted, or its marker {MARKER} is missing. "
        "Mount it; nothing is written until then."
    )
