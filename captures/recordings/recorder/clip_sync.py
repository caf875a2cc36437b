"""Sync the open clip each second, so that a power cut costs no more than that."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from cameras.spool.durable import LockLost
from cameras.spool.storage import RootMissing

log = logging.getLogger(__name__)
SYNC_S = 1.0
ErrorHandler = Callable[[Exception], None]


class Syncable(Protocol):
    def sync(self) -> None:
        """OSError."""


class ClipSync:
    """Has a thread of its own: neither the recorder nor the recovery of other clips waits for it. `on_error` gets the
    error of a sync."""

    def __init__(self, on_error: ErrorHandler) -> None:
        self._on_error = on_error
        self._file: Syncable | None = None
        self._began: float | None = None
        threading.Thread(target=self._run, name="clip-sync", daemon=True).start()

    def set_file(self, file: Syncable | None) -> None:
        """Set the file of the open clip."""
        self._file = file

    def runs_for_s(self, now: float) -> float:
        """Seconds since the running sync began; 0 if there is none."""
        began = self._began
        return 0.0 if began is None else now - began

    def _run(self) -> None:
        while True:
            time.sleep(SYNC_S)
            # Read once: the recorder's thread replaces it. A file that is closed meanwhile is not synced
            # (`VideoFile.sync`).
            file = self._file
            if file is not None:
                self._began = time.monotonic()
                run_and_report(file.sync, self._on_error)
                self._began = None


def run_and_report(job: Callable[[], None], on_error: ErrorHandler) -> None:
    """Run `job`; its error is logged and passed on, so that its thread continues."""
    try:
        job()
    except (RootMissing, LockLost, OSError) as error:
        log.error("A clip is not safe on the disk: %s", error)
        on_error(error)
    except Exception as error:
        log.exception("A clip could not be finalized; it is recovered when its spool is opened again.")
        on_error(error)
