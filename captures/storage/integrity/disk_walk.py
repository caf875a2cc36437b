"""Lists the files of a storage root folder by folder, in a fixed order, so that a walk can continue after a kill.

Symbolic links are never followed. A name can be any bytes: it is text with surrogate escapes (`os.fsdecode`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from cameras.spool.durable import RootFiles


class FoundFile(NamedTuple):
    """A regular file. `pending`: it has another link, such as that of the spool, or was changed a short time ago."""

    path: str
    bytes: int
    changed_at: float
    links: int


class FolderFiles(NamedTuple):
    folder: str
    files: list[FoundFile]


def walk_folders(files: RootFiles, top: str, after: str = "") -> Iterator[FolderFiles]:
    """The folders below `top` (included) behind `after`, each with its files. OSError of a failing disk."""
    yield from _walk(files, top, tuple(after.split("/")) if after else ())


def _walk(files: RootFiles, folder: str, after: tuple[str, ...]) -> Iterator[FolderFiles]:
    place = tuple(folder.split("/"))
    # Folders come before those in them, and those of one folder by name: the order of their paths as tuples.
    if place < after[: len(place)]:
        return
    try:
        with files.folder(folder) as at:
            found, folders = _list(folder, at)
    except (FileNotFoundError, NotADirectoryError):
        return  # moved or replaced meanwhile
    if place > after:
        yield FolderFiles(folder, found)
    for name in sorted(folders):
        yield from _walk(files, f"{folder}/{name}", after)


def _list(folder: str, at: int) -> tuple[list[FoundFile], list[str]]:
    found, folders = [], []
    with os.scandir(at) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                path = f"{folder}/{entry.name}"
                found.append(FoundFile(path, status.st_size, max(status.st_mtime, status.st_ctime), status.st_nlink))
    return found, folders
