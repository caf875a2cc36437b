"""Writes the notifications of an event, in the transaction of the event. EVENT_RECORDED lists it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from core import database_clock
from core.events.models import Alert, Event
from core.events.severity import Severity
from monitoring.models import NotificationChannel, NotificationDelivery, NotificationRoute
from monitoring.notification_states import NotificationKind, NotificationState
from monitoring.notifications.deliveries import change_state
from monitoring.notifications.routing import after_quiet_hours, due_at, enabled_routes, targets_of

RESOLVED_BEFORE = "The alert was resolved before it was sent."
ACKNOWLEDGED_BEFORE = "The alert was acknowledged."


def queue_notifications(event: Event) -> None:
    """No query for events of other kinds, and one for an alert of a station without routes."""
    if handler := HANDLERS.get(event.kind):
        handler(event)


def _queue_opened(event: Event) -> None:
    """One notification for each channel, and what follows if no one acknowledges."""
    alert, at = Alert.objects.get(pk=event.subject), database_clock.estimate()
    rows: list[NotificationDelivery] = []
    for target in targets_of(alert, at):
        route, due = target.route, due_at(target.route, alert.severity, at)
        rows.append(_row(alert, target.channel, route, NotificationKind.OPENED, due))
        if route is not None and route.escalate_after_s and route.escalate_to_id:
            later = at + timedelta(seconds=route.escalate_after_s)
            rows.append(_row(alert, route.escalate_to_id, route, NotificationKind.ESCALATION, later))
    _create(rows)


def _queue_resolved(event: Event) -> None:
    """A notice for those who were told that it opened; what no one was told yet is cancelled."""
    if not event.subject:
        return
    alert, at = Alert.objects.get(pk=event.subject), database_clock.estimate()
    rows = NotificationDelivery.objects.filter(alert=alert.pk)
    # An attempt that failed may have arrived: without an answer no one knows.
    change_state(rows.filter(tries=0), NotificationState.CANCELLED, error=RESOLVED_BEFORE)
    told = rows.exclude(state=NotificationState.CANCELLED).filter(tries__gt=0).select_related("route", "channel")
    found: dict[UUID, NotificationDelivery] = {}
    for row in told.order_by("created_at"):
        if row.channel.enabled and (row.route is None or row.route.notify_resolved):
            due = due_at(row.route, alert.severity, at)
            found.setdefault(row.channel_id, _row(alert, row.channel_id, row.route, NotificationKind.RESOLVED, due))
    _create(list(found.values()))


def _cancel_reminders(event: Event) -> None:
    reminders = Q(kind__in=[NotificationKind.REPEAT, NotificationKind.ESCALATION])
    rows = NotificationDelivery.objects.filter(reminders, alert=event.subject)
    change_state(rows, NotificationState.CANCELLED, error=ACKNOWLEDGED_BEFORE)


def _queue_report(event: Event) -> None:
    """The report of a night, for each channel that has a route for it."""
    found = dict.fromkeys(route.channel_id for route in enabled_routes() if route.night_reports)
    night, now = date.fromisoformat(event.data["night"]), database_clock.estimate()
    NotificationDelivery.objects.bulk_create(
        NotificationDelivery(
            channel_id=channel, kind=NotificationKind.REPORT, text=event.message, night=night, not_before=now
        )
        for channel in found
    )


HANDLERS: dict[str, Callable[[Event], None]] = {
    "alert.opened": _queue_opened,
    "alert.resolved": _queue_resolved,
    "alert.acknowledged": _cancel_reminders,
    "night.reported": _queue_report,
}


def plan_repeats(rows: QuerySet[NotificationDelivery]) -> None:
    """The next repetition of notifications that were sent or given up, while their alert is open."""
    rows = rows.filter(
        kind__in=[NotificationKind.OPENED, NotificationKind.REPEAT], route__enabled=True, route__repeat_every_s__gt=0
    )
    found = list(rows.select_related("route"))
    waiting = Alert.objects.filter(pk__in=[row.alert for row in found], state=Alert.State.OPEN).in_bulk()
    planned = []
    for row in found:
        alert = waiting.get(row.alert)
        if alert is not None and row.route is not None:
            due = database_clock.estimate() + timedelta(seconds=row.route.repeat_every_s)
            if alert.severity != Severity.CRITICAL:
                due = after_quiet_hours(row.route, due)
            planned.append(_row(alert, row.channel_id, row.route, NotificationKind.REPEAT, due, row.sequence + 1))
    _create(planned)


def _row(
    alert: Alert, channel: UUID, route: NotificationRoute | None, kind: NotificationKind, due: datetime,
    sequence: int = 0,
) -> NotificationDelivery:  # fmt: skip
    return NotificationDelivery(
        channel_id=channel, route=route, kind=kind, alert=alert.pk, not_before=due, sequence=sequence
    )


def _create(rows: list[NotificationDelivery]) -> None:
    """What another host has planned already stays as it is."""
    if rows:
        NotificationDelivery.objects.bulk_create(rows, ignore_conflicts=True)


def cancel_pending(channel: NotificationChannel, reason: str) -> int:
    rows = NotificationDelivery.objects.filter(channel=channel)
    return change_state(rows, NotificationState.CANCELLED, error=reason)
