"""Small files that are whole, and still there, after a kill or a power cut."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_durably(path: Path, text: str, name: Callable[[str, Path], None]) -> None:
    """Write `text` durably, readable by its owner only; `name` moves or links the complete file to `path`."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        # mkstemp() has created the file with mode 0600.
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        name(temporary, path)
    finally:
        # os.replace() has moved it; os.link() leaves it as a second name.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    # Otherwise a power cut could take the name away after the text has been used: a key that has encrypted, say.
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
