"""One Supervisor for each host on this machine."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class HostLocked(Exception):
    """Another Supervisor runs for this host on this machine."""


class HostLock:
    """A lock on a file in the run folder; the kernel releases it when this process ends."""

    def __init__(self, host: str, run_folder: Path) -> None:
        self._host, self._run_folder = host, run_folder
        self._file: int | None = None

    def acquire(self) -> None:
        """Raises HostLocked when this host already has a Supervisor."""
        self._run_folder.mkdir(parents=True, exist_ok=True)
        path = self._run_folder / f"supervisor-{self._host}.lock"
        # Close-on-exec: a camera process that outlives the Supervisor must not keep its lock.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise HostLocked(f"Another Supervisor runs for the host {self._host!r} on this data folder.") from None
        self._file = file

    def release(self) -> None:
        """Idempotent."""
        if self._file is not None:
            # The file stays: if it were removed, two processes could each hold the lock of a file of this name.
            os.close(self._file)
            self._file = None
