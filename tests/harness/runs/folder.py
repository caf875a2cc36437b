"""The temporary folder of a run, which its workers share; and what only the first of them makes there."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONTAINED = "CONTAINED_BY"
"""What scripts/contain.py sets for all that it started; it removes the folder."""


def run_folder() -> Path:
    assert CONTAINED in os.environ, "This needs a folder that is removed at the end. Run it with scripts/contain.py."
    return Path(tempfile.gettempdir())


def memory() -> Path:
    """A folder in memory, for tests that write much. It is removed at the end of the run."""
    folder = Path("/dev/shm") / run_folder().name
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Of all processes of the run."""
    with (run_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
