"""`NotificationThread`: sends the notifications that are due, in the jobs part of a host."""

from __future__ import annotations

import functools
import os
import socket
import threading
import time
from uuid import UUID

import uuid6
from django.db import connection

from core.background import log_and_continue
from core.changes.gate import ChangeGate, read_again
from core.retrying_thread import RetryingThread
from monitoring.notifications.claims import claim, depends_on_time, due_channels, release_lost_leases
from monitoring.notifications.outcomes import fail_killed_tests, give_up_killed, record_outcome
from monitoring.notifications.sending import send_claim
from monitoring.notifications.silences import end_expired_silences

POLL_S = 1.0
"""Between two searches: also how long an alert without a wait for its group takes."""
MAINTAIN_S = 5.0


class NotificationThread:
    """Each channel sends from a thread of its own, so that one that hangs delays no other; a station has at most
    MAX_CHANNELS. The rows are the truth: a kill at any moment loses nothing, and repeats at most one message of a
    channel."""

    def __init__(self, host: str, poll_s: float = POLL_S) -> None:
        self._name = f"{host}:{socket.gethostname()[:30]}:{os.getpid()}:{uuid6.uuid7().hex[-12:]}"[:120]
        self._thread = RetryingThread("notifications", self._start_due, poll_s, gate=ChangeGate())
        self._maintained_at = float("-inf")
        self._lock = threading.Lock()
        self._sending = set[UUID]()
        """Channels with a thread. Under the lock."""

    def start(self) -> None:
        self._thread.start()

    def stop(self, within_s: float = 1.0) -> None:
        """A message that is being sent ends with the process. It is sent again after the lease."""
        until = time.monotonic() + within_s
        self._thread.stop(within_s)
        while self._sending and time.monotonic() < until:
            time.sleep(0.02)

    def _start_due(self) -> None:
        if time.monotonic() - self._maintained_at >= MAINTAIN_S:
            release_lost_leases()
            give_up_killed()
            fail_killed_tests()
            end_expired_silences()
            self._maintained_at = time.monotonic()
        for channel in due_channels():
            if not self._thread.is_stopping() and self._reserve(channel):
                threading.Thread(
                    target=self._send, args=(channel,), name=f"notifications-{channel}", daemon=True
                ).start()

        read_again(depends_on_time)

    def _reserve(self, channel: UUID) -> bool:
        with self._lock:
            if channel in self._sending:
                return False
            self._sending.add(channel)
            return True

    def _send(self, channel: UUID) -> None:
        sent = False
        try:
            with log_and_continue("notifications"):
                found = claim(channel, self._name)
                if found is not None:
                    record_outcome(found, send_claim(found))
                    sent = True
        finally:
            # The connection of a thread that ends would stay open.
            connection.close()
            with self._lock:
                self._sending.discard(channel)
        # For its next message. Not after an error, which would come back without a pause.
        if sent:
            self._thread.wake()


@functools.cache
def local_thread(host: str) -> NotificationThread:
    """The one of this process."""
    return NotificationThread(host)
