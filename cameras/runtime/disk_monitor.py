"""Detects a disk that hangs, for a camera loop that it may block."""

from __future__ import annotations

from cameras.runtime.reporter import Reporter
from cameras.runtime.still_queue import StillQueue
from cameras.runtime.storage_holder import StorageHolder
from core.watchdog import DiskWatchdog


class DiskMonitor:
    """The reporting thread calls `check_disk` each second."""

    def __init__(
        self, watchdog: DiskWatchdog, stills: StillQueue, storage_holder: StorageHolder, reporter: Reporter
    ) -> None:
        self._watchdog, self._stills, self._storage_holder, self._reporter = watchdog, stills, storage_holder, reporter
        self.thread: int | None = None
        """The thread of the camera loop. The loop sets it."""

    @property
    def is_blocking(self) -> bool:
        """Whether the disk blocks the camera loop."""
        return self._watchdog.is_blocking(self.thread)

    def check_disk(self) -> None:
        """A hanging disk is not a camera failure. It is reported, and the process waits. The recovery ladder does
        not act, since a process that waits for a disk cannot be killed."""
        is_blocked, storage_holder = self.is_blocking, self._storage_holder
        if (is_blocked or self._stills.is_stuck) and not storage_holder.is_lost:
            source = self._watchdog if is_blocked else self._stills
            # Before the report below, which has the message of this error.
            storage_holder.mark_lost(source.timeout_error())
        if is_blocked:
            self._reporter.report_state("reconnecting", storage_holder.message, storage_holder.reason)
