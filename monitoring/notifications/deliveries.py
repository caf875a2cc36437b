"""Notifications as rows: a host takes those of a channel that are due, for one message, and moves them. A lease of the
channel keeps other hosts from sending them too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from core import database_clock
from core.deliveries.rows import A_DAY, RELEASED, Lease, Schedule, Transitions
from core.events.models import Alert
from monitoring.models import AlertSilence, NotificationChannel, NotificationDelivery
from monitoring.notification_states import NOTIFICATION_TRANSITIONS, NotificationKind, NotificationState
from monitoring.notifications.selectors import silenced_alerts

SCHEDULE = Schedule(A_DAY, plans_ahead=True)
LEASE = Lease(90.0)
"""Longer than a message may take, with what the database needs."""
MOVES = Transitions(
    "A notification", NOTIFICATION_TRANSITIONS, frozenset(NotificationState) - {NotificationState.PENDING}
)
MAX_IN_A_MESSAGE = 50
KEPT = timedelta(days=90)
BATCH = 500


def change_state(rows: QuerySet[NotificationDelivery], after: NotificationState, **fields: Any) -> int:
    """Move those of `rows` that are pending; returns their number. ValueError for a move that the table has not."""
    return MOVES.move(rows, NotificationState.PENDING, after, **fields)


# For a message


@dataclass(frozen=True, slots=True)
class Claim:
    """Notifications of one kind that are leased for one message, the oldest first."""

    channel: NotificationChannel
    rows: tuple[NotificationDelivery, ...]
    worker: str

    @property
    def kind(self) -> str:
        return self.rows[0].kind

    @property
    def pending(self) -> QuerySet[NotificationDelivery]:
        """Its rows; without those that were cancelled meanwhile."""
        keys = [row.pk for row in self.rows]
        return NotificationDelivery.objects.filter(pk__in=keys, state=NotificationState.PENDING)


def due_channels() -> list[UUID]:
    """Enabled channels with notifications that are due, and that send nothing now."""
    free = NotificationDelivery.objects.filter(channel__enabled=True, channel__lease_until=None)
    due = sendable(free).filter(SCHEDULE.is_due())
    return list(due.order_by().values_list("channel", flat=True).distinct())


def depends_on_time() -> bool:
    """Whether a notification may be due later, the lease of a channel may be lost, or a silence may end."""
    return (
        NotificationDelivery.objects.filter(state=NotificationState.PENDING).exists()
        or NotificationChannel.objects.exclude(lease_until=None).exists()
        or AlertSilence.objects.filter(ended_at=None).exists()
    )


def sendable(rows: QuerySet[NotificationDelivery]) -> QuerySet[NotificationDelivery]:
    """Those of `rows` that are pending, without tests, and without those of silenced alerts: they wait until the
    silence is over."""
    pending = rows.filter(state=NotificationState.PENDING).exclude(kind=NotificationKind.TEST)
    silenced = silenced_alerts(Alert.objects.filter(pk__in=pending.order_by().values("alert")))
    return pending.exclude(alert__in=silenced) if silenced else pending


def release_lost_leases() -> int:
    """Of hosts that were killed while they sent. Returns their number."""
    return LEASE.release_lost(NotificationChannel.objects.all())


@transaction.atomic
def claim(channel: UUID, worker: str) -> Claim | None:
    """Lease the channel to `worker`, and count an attempt of what goes into the message. None when nothing is due, or
    another host sends."""
    free = NotificationChannel.objects.filter(pk=channel, enabled=True, lease_until=None)
    if not free.update(**LEASE.taken(worker)):
        return None
    rows = rows_of_next_message(channel)
    if not rows:
        release(channel, worker)
        return None
    # Before the attempt: a message that kills its worker each time must not be sent for ever.
    NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(tries=F("tries") + 1)
    for row in rows:
        row.tries += 1
    return Claim(NotificationChannel.objects.get(pk=channel), tuple(rows), worker)


def release(channel: UUID, worker: str) -> None:
    NotificationChannel.objects.filter(pk=channel, worker=worker).update(**RELEASED)


def rows_of_next_message(channel: UUID) -> list[NotificationDelivery]:
    """The notification that waits longest, and those of its kind and route that may go with it."""
    now = database_clock.now()
    pending = sendable(NotificationDelivery.objects.filter(channel=channel))
    waiting = pending.select_related("route").order_by("not_before", "id")
    due = waiting.filter(SCHEDULE.is_due())
    first = due.first()
    if first is None:
        return []
    if first.kind == NotificationKind.REPORT:
        return [first]
    wait_s = first.route.group_wait_s if first.route else 0
    group = due.filter(kind=first.kind, route=first.route_id)[:MAX_IN_A_MESSAGE]
    # Those that only wait for a group. Retries wait because the channel has failed: they have a time of their own.
    fresh = waiting.filter(kind=first.kind, route=first.route_id, tries=0, not_before__gt=now)
    joining = fresh.filter(not_before__lte=now + timedelta(seconds=wait_s))[:MAX_IN_A_MESSAGE]
    return [*group, *joining][:MAX_IN_A_MESSAGE]


# What has ended; RETENTION lists it


def remove_notifications() -> int:
    """Remove a batch of those that ended more than 90 days ago. Returns the number of rows."""
    before = timezone.now() - KEPT
    old = NotificationDelivery.objects.filter(ended_at__lt=before).order_by().values_list("pk", flat=True)
    if batch := list(old[:BATCH]):
        return NotificationDelivery.objects.filter(pk__in=batch).delete()[0]
    silences = AlertSilence.objects.filter(ended_at__lt=before).order_by().values_list("pk", flat=True)
    return AlertSilence.objects.filter(pk__in=list(silences[:BATCH])).delete()[0]
