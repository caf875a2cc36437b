"""Finds new files and starts the jobs that send them, on a thread of the jobs part."""

from __future__ import annotations

from captures.storage.offsite import queue
from captures.storage.offsite.limits import closed_reason
from captures.storage.offsite.models import Destination, OffsiteCopy
from core.changes.gate import ChangeGate, read_again
from core.jobs.services import enqueue
from core.retrying_thread import RetryingThread

INTERVAL_S = 15.0
KIND = "offsite"


class OffsiteQueue:
    """The one of a host: each host sends its own files."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._thread = RetryingThread("offsite", self._run, INTERVAL_S, gate=ChangeGate())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop(within_s=2.0)

    def _run(self) -> None:
        for destination in Destination.objects.all():
            read_again()  # its hours begin and end, and a copy that failed is due again
            # Also for one that is paused, or closed: its backlog is to be seen.
            queue.queue_new_files(destination, self._host)
            if self._thread.is_stopping():
                return
            start_sending(destination, self._host)


def start_sending(destination: Destination, host: str) -> bool:
    """Start the job, if something may be sent now. Returns whether it runs."""
    if closed_reason(destination) or queue.wait_s(destination, host) > 0:
        return False
    waits = OffsiteCopy.objects.filter(queue.due(destination, host))
    # What a killed job was sending has no other trace than its state.
    lost = OffsiteCopy.objects.filter(destination=destination, host=host, state=OffsiteCopy.State.SENDING.value)
    if not waits.exists() and not lost.exists():
        return False
    enqueue(KIND, host, camera=None, subject=str(destination.pk), arguments={"destination": str(destination.pk)})
    return True
