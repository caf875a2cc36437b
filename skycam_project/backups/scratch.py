"""Folders in which a backup is made or unpacked. What a kill leaves of them is removed later, and nothing else."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = ".skycam-scratch"
"""A file in the folder, which its process keeps locked. A folder without it is someone else's."""


@contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder, of this process alone. OSError."""
    remove_abandoned(parent, prefix)
    folder, lock = _new_folder(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _new_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    """With the descriptor that keeps its mark locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = os.open(folder / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Before it was locked, another process may have taken it for abandoned.
        if os.fstat(lock).st_nlink:
            return folder, lock
        os.close(lock)


def remove_abandoned(parent: Path, prefix: str) -> list[Path]:
    """Remove those of processes that were killed; what cannot be removed stays."""
    return [folder for folder in parent.glob(f"{prefix}*") if _remove_if_abandoned(folder)]


def _remove_if_abandoned(folder: Path) -> bool:
    try:
        lock = os.open(folder / MARK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except OSError:  # BlockingIOError: its process lives
        return False
    finally:
        os.close(lock)
    return True
