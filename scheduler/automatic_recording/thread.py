"""Automatic recording on a thread of the jobs part, for experiments whose camera hosts are away."""

from __future__ import annotations

from core.changes.gate import ChangeGate
from core.retrying_thread import RetryingThread
from scheduler.automatic_recording.service import reconcile

INTERVAL_S = 1.0


class AutomaticRecordingThread:
    def __init__(self, host: str) -> None:
        self._thread = RetryingThread("automatic-recording", reconcile, INTERVAL_S, gate=ChangeGate())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop(within_s=2.0)
