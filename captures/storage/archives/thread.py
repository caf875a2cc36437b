"""Moves archives on, on threads of the jobs part."""

from __future__ import annotations

from captures.storage.archives.services import advance_all, extend_archives
from captures.storage.archives.verification import verify_due
from core.changes.gate import ChangeGate
from core.retrying_thread import RetryingThread

INTERVAL_S, MINUTE_S = 2.0, 60.0


class ArchiveThread:
    def __init__(self, host: str) -> None:
        self._threads = (
            RetryingThread("archives", advance_all, INTERVAL_S, gate=ChangeGate()),
            RetryingThread("late-files", extend_archives, MINUTE_S),
            RetryingThread("archive-verification", verify_due, MINUTE_S),
        )

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        for thread in self._threads:
            thread.stop(within_s=2.0)
