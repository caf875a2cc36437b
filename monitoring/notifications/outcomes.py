"""What follows from the outcome of a message: the next state of its notifications, and the events and alerts of its
channel. Each outcome is one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from core import database_clock
from core.deliveries.rows import FailureRule
from core.events.service import raise_alert, record_event, resolve_alert
from core.events.severity import Severity
from core.findings import Finding
from monitoring.models import NotificationChannel, NotificationDelivery
from monitoring.notification_states import NotificationKind, NotificationState
from monitoring.notifications.channels.base import SendResult
from monitoring.notifications.deliveries import SCHEDULE, Claim, change_state, release
from monitoring.notifications.queue import FAILING_ALERT, plan_repeats

FAILURES = FailureRule(alert_after=timedelta(minutes=10))
"""How long a channel fails until the other ones are told."""
KILLED = "The process that sent it has ended, and its outcome is not known."
TEST_ENDS = timedelta(minutes=5)


def failing_alert(channel: NotificationChannel) -> str:
    return f"{FAILING_ALERT}{channel.pk}"


@transaction.atomic
def record_outcome(claim: Claim, result: SendResult) -> None:
    channel = NotificationChannel.objects.select_for_update().filter(pk=claim.channel.pk).first()
    if channel is None:
        # Removed while it sent, with its notifications.
        return
    if result.error:
        _note_failure(claim, channel, result)
    else:
        _note_sent(claim, channel, result)
    release(channel.pk, claim.worker)


def _note_sent(claim: Claim, channel: NotificationChannel, result: SendResult) -> None:
    # Cancelled ones stay cancelled, although they were sent: their alert was resolved meanwhile.
    number = change_state(claim.pending, NotificationState.SENT, error="")
    note_success(channel)
    plan_repeats(NotificationDelivery.objects.filter(pk__in=[row.pk for row in claim.rows], state="sent"))
    record_event(
        "notification.sent",
        f"{channel.name}: {claim.kind}, {number} sent. {result.detail}",
        camera=None,
        subject=channel.pk,
        data={"kind": claim.kind, "alerts": alerts_of(claim.rows), "deliveries": [str(row.pk) for row in claim.rows]},
    )


def note_success(channel: NotificationChannel) -> None:
    """It works: what failed is tried again now, and its alert is over."""
    if FAILURES.note_success(channel, last_error="", last_sent_at=timezone.now()):
        failed = NotificationDelivery.objects.filter(channel=channel, state=NotificationState.PENDING)
        failed.exclude(error="").update(**SCHEDULE.at_once(), error="")
        resolve_alert(failing_alert(channel))


def _note_failure(claim: Claim, channel: NotificationChannel, result: SendResult) -> None:
    last = [row for row in claim.rows if SCHEDULE.delays.is_last(row.tries)]
    _give_up(channel, claim.kind, last, result.error)
    tries = min(row.tries for row in claim.rows)
    claim.pending.update(**SCHEDULE.after(tries, result.retry_after_s), error=result.error)
    _note_failing(channel, result.error)


def _give_up(channel: NotificationChannel, kind: str, rows: list[NotificationDelivery], error: str) -> None:
    """End those that are pending, with one event."""
    found = NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows])
    if number := change_state(found, NotificationState.FAILED, error=error):
        record_event(
            "notification.failed",
            f"{channel.name}: {kind}, {number} given up. {error}",
            camera=None,
            severity=Severity.ERROR,
            subject=channel.pk,
            data={"kind": kind, "alerts": alerts_of(rows), "deliveries": [str(row.pk) for row in rows]},
        )
        plan_repeats(found.filter(state=NotificationState.FAILED))


def give_up_killed() -> None:
    """Notifications whose last attempt was killed with its process, or ended with an error of Skycam: a message that
    ends its process each time is not sent for ever."""
    last = NotificationDelivery.objects.filter(SCHEDULE.is_used_up(), state=NotificationState.PENDING)
    for row in last.filter(channel__lease_until=None).exclude(kind=NotificationKind.TEST):
        with transaction.atomic():
            channel = NotificationChannel.objects.select_for_update().filter(pk=row.channel_id, lease_until=None)
            if found := channel.first():
                _give_up(found, row.kind, [row], KILLED)


def _note_failing(channel: NotificationChannel, error: str) -> None:
    failing_for = FAILURES.note_failure(channel, last_error=error)
    if failing_for is not None:
        raise_alert(
            failing_alert(channel),
            f"The notification channel {channel.name} has sent nothing for {failing_for.total_seconds() / 60:.0f} "
            "min. Its page says why. No one is notified over it until it works.",
            camera=None,
            severity=Severity.ERROR,
        )


def alerts_of(rows: Iterable[NotificationDelivery]) -> list[str]:
    return [str(row.alert) for row in rows if row.alert]


def record_test(delivery: NotificationDelivery, result: SendResult) -> None:
    """A test is not repeated, and raises no alert; one that succeeds shows that the channel works."""
    rows = NotificationDelivery.objects.filter(pk=delivery.pk)
    with transaction.atomic():
        channel = NotificationChannel.objects.select_for_update().get(pk=delivery.channel_id)
        state = NotificationState.FAILED if result.error else NotificationState.SENT
        change_state(rows, state, error=result.error, tries=1)
        if not result.error:
            note_success(channel)
            event, severity = "notification.sent", Severity.INFO
        else:
            NotificationChannel.objects.filter(pk=channel.pk).update(last_error=result.error)
            event, severity = "notification.failed", Severity.WARNING
        record_event(
            event, f"{channel.name}: test. {result.error or result.detail}", camera=None, severity=severity,
            subject=channel.pk,
            data={"kind": NotificationKind.TEST.value, "alerts": [], "deliveries": [str(delivery.pk)]},
        )  # fmt: skip


def fail_killed_tests() -> None:
    rows = NotificationDelivery.objects.filter(kind=NotificationKind.TEST, state=NotificationState.PENDING)
    killed = rows.filter(created_at__lt=database_clock.now() - TEST_ENDS)
    if killed.exists():
        change_state(killed, NotificationState.FAILED, error=KILLED)


def channel_problems() -> list[Finding]:
    """Those that have failed for long; HEALTH lists it. Each has an alert already, which the other channels get."""
    long_ago = database_clock.estimate() - FAILURES.alert_after
    failing = NotificationChannel.objects.filter(enabled=True, failing_since__lte=long_ago)
    # Without names: everyone may read the findings.
    return [
        Finding("A notification channel fails. The page Notifications says why.", alert=failing_alert(channel))
        for channel in failing
    ]
