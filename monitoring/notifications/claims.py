"""How a host takes the notifications of a channel that are due, for one message.

A lease of the channel keeps other hosts from sending them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from core import database_clock
from core.events.models import Alert
from monitoring.models import AlertSilence, NotificationChannel, NotificationDelivery
from monitoring.notification_states import NotificationKind, NotificationState
from monitoring.notifications.silenced import silenced_alerts
from monitoring.webhooks.retry_schedule import MAX_DELAY_S

LEASE_S = 90.0
"""Longer than a message may take, with what the database needs."""
MAX_IN_A_MESSAGE = 50


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


def is_due(now: datetime) -> Q:
    """A retry that is further away than any delay comes from a clock that was set back since: it is due."""
    return Q(not_before__lte=now) | Q(tries__gt=0, not_before__gt=now + timedelta(seconds=MAX_DELAY_S))


def due_channels() -> list[UUID]:
    """Enabled channels with notifications that are due, and that send nothing now."""
    free = NotificationDelivery.objects.filter(channel__enabled=True, channel__lease_until=None)
    due = sendable(free).filter(is_due(database_clock.now()))
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


def release_lost_leases() -> None:
    """Of hosts that were killed while they sent. A lease that is longer than any host gives has ended, too: the clock
    was set back."""
    now = database_clock.now()
    ended = Q(lease_until__lt=now) | Q(lease_until__gt=now + timedelta(seconds=2 * LEASE_S))
    lost = NotificationChannel.objects.filter(ended, lease_until__isnull=False)
    # An UPDATE of no row would still wait for SQLite's other writers.
    if lost.exists():
        lost.update(lease_until=None, worker="")


@transaction.atomic
def claim(channel: UUID, worker: str) -> Claim | None:
    """Lease the channel to `worker`, and count an attempt of what goes into the message. None when nothing is due, or
    another host sends."""
    until = database_clock.now() + timedelta(seconds=LEASE_S)
    free = NotificationChannel.objects.filter(pk=channel, enabled=True, lease_until=None)
    if not free.update(lease_until=until, worker=worker):
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
    NotificationChannel.objects.filter(pk=channel, worker=worker).update(lease_until=None, worker="")


def rows_of_next_message(channel: UUID) -> list[NotificationDelivery]:
    """The notification that waits longest, and those of its kind and route that may go with it."""
    now = database_clock.now()
    pending = sendable(NotificationDelivery.objects.filter(channel=channel))
    waiting = pending.select_related("route").order_by("not_before", "id")
    due = waiting.filter(is_due(now))
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
