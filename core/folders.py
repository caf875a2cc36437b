"""Paths of this host that a request names, held to the folders that the configuration lists."""

from __future__ import annotations

import os
from collections.abc import Iterable


def real_path_inside(path: str, folders: Iterable[str]) -> str | None:
    """The path without symbolic links if it is one of the folders or inside one, else None. It need not exist."""
    real = os.path.realpath(path)
    inside = any(_is_inside(real, os.path.realpath(folder)) for folder in folders)
    return real if inside else None


def _is_inside(path: str, folder: str) -> bool:
    # With the slash, so that /videos-private is not inside /videos.
    return path == folder or path.startswith(folder.rstrip("/") + "/")
