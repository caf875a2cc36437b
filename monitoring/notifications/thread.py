"""`NotificationThread`: sends the notifications that are due, in the jobs part of a host."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from uuid import UUID

from core.deliveries.rows import worker_name
from core.deliveries.thread import Attempt, DeliveryThread, Due, ReceiverPool
from monitoring.notifications.deliveries import claim, depends_on_time, due_channels, release_lost_leases
from monitoring.notifications.outcomes import fail_killed_tests, give_up_killed, record_outcome
from monitoring.notifications.sending import send_claim
from monitoring.notifications.services import MAX_CHANNELS
from monitoring.notifications.silences import end_expired_silences

MAINTAIN_S = 5.0


class NotificationDeliveries:
    def __init__(self, host: str) -> None:
        self._worker = worker_name(host)

    def maintain(self) -> None:
        release_lost_leases()
        give_up_killed()
        fail_killed_tests()
        end_expired_silences()

    def due(self) -> Iterable[Due]:
        return [Due(channel, channel) for channel in due_channels()]

    def attempt(self, channel: UUID) -> Attempt | None:
        """One message. A kill during it repeats it."""
        found = claim(channel, self._worker)
        if found is None:
            return None
        record_outcome(found, send_claim(found))
        return Attempt()

    def depends_on_time(self) -> bool:
        return depends_on_time()


class NotificationThread(DeliveryThread):
    """That of a host. There is a thread for each channel that a station may have, so that one that hangs delays no
    other."""

    def __init__(self, host: str, poll_s: float | None = None) -> None:
        deliveries, pool = NotificationDeliveries(host), ReceiverPool(MAX_CHANNELS)
        super().__init__("notifications", deliveries, pool, poll_s=poll_s, maintain_s=MAINTAIN_S)


@functools.cache
def local_thread(host: str) -> NotificationThread:
    """The one of this process."""
    return NotificationThread(host)
