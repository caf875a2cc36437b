"""Paths of this host that a request names, held to the folders that the configuration lists."""

from __future__ import annotations

import os
from collections.abc import Iterable


def real_path_inside(path: str, folders: Iterable[str]) -> str | None:
    """The path without symbolic links if it is one of the folders or inside one, else None. It need not exist."""
    real = os.path.realpath(path)
    return real if is_inside(real, map(os.path.realpath, folders)) else None


def is_inside(path: str, folders: Iterable[str]) -> bool:
    """Whether the path is one of the folders or inside one, by its name alone: no disk is asked, which may hang."""
    plain = os.path.normpath(path)
    # With the slash, so that /videos-private is not inside /videos.
    return any(plain == folder or plain.startswith(folder.rstrip("/") + "/") for folder in folders)
