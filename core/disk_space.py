"""Whether a disk has free space and inodes enough. Imports no Django."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LITTLE_BYTES = 5_000_000_000
NEARLY_NONE_BYTES = 1_000_000_000
LITTLE_INODES = 0.05
"""Of all inodes of the disk."""
NEARLY_NO_INODES = 1000


@dataclass(frozen=True, slots=True)
class DiskFinding:
    """`detail` is what was measured; `remedy` is what to do, empty where there is room."""

    detail: str
    remedy: str = ""
    is_broken: bool = False


def disk_space(path: Path | str) -> DiskFinding:
    """Of the disk at `path`, for a user without special rights. Raises OSError."""
    found = os.statvfs(path)
    # f_bavail and not f_bfree, which counts the blocks that are reserved for root.
    free = found.f_bavail * found.f_frsize
    space = f"{path} has {free / 1e9:.1f} GB free."
    # A file system without a table of inodes, such as Btrfs, has 0.
    inodes = f"{path} has {found.f_favail} of {found.f_files} inodes free, one for each file."
    if free < NEARLY_NONE_BYTES:
        return DiskFinding(space, "Free some space: captures are about to fail.", is_broken=True)
    if found.f_files and found.f_favail < NEARLY_NO_INODES:
        remedy = "Delete small files: captures are about to fail despite the free space."
        return DiskFinding(inodes, remedy, is_broken=True)
    if found.f_files and found.f_favail < found.f_files * LITTLE_INODES:
        return DiskFinding(inodes, "Delete small files, or use a disk that was made with more inodes.")
    return DiskFinding(space, "Free some space." if free < LITTLE_BYTES else "")


def one_of_each_disk(paths: Iterable[Path | None]) -> list[Path]:
    """The first of these paths on each disk, without those that do not exist."""
    found: dict[int, Path] = {}
    for path in paths:
        if path is not None and path.exists():
            found.setdefault(path.stat().st_dev, path)
    return list(found.values())
