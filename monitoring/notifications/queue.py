"""Writes the notifications of an event, in the transaction of the event; EVENT_RECORDED lists it. Which channels an
alert goes to: the routes in their order, as they are now; and the hours of a route at the site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from core import database_clock
from core.events.models import Alert, Event
from core.events.severity import Severity
from core.station_zone import station_zone
from monitoring.models import NotificationChannel, NotificationDelivery, NotificationRoute
from monitoring.notification_states import NotificationKind, NotificationState
from monitoring.notifications.deliveries import change_state


def is_within(at: datetime, begin: str, end: str) -> bool:
    """Whether the clock at the site shows a time from `begin` to before `end`, each HH:MM. Without them: False."""
    if not begin or not end:
        return False
    clock = f"{at.astimezone(station_zone()):%H:%M}"
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


def end_of_window(at: datetime, end: str) -> datetime:
    """The next time after `at` at which the clock at the site shows `end`."""
    local = at.astimezone(station_zone())
    hour, minute = (int(part) for part in end.split(":"))
    found = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    # Compared in UTC: across a change of the clocks, local times of one zone would be compared by their clock.
    if found.timestamp() <= at.timestamp():
        found += timedelta(days=1)
    return found.astimezone(UTC)


FAILING_ALERT = "notification.failing:"


@dataclass(frozen=True, slots=True)
class Target:
    """A channel that is told, and the route that says how; None for a channel of no route."""

    channel: UUID
    route: NotificationRoute | None


def targets_of(alert: Alert, at: datetime) -> list[Target]:
    """Each channel once, those of disabled channels left out: then the next route is tried."""
    failing = alert.key.removeprefix(FAILING_ALERT) if alert.key.startswith(FAILING_ALERT) else ""
    found: dict[UUID, Target] = {}
    for route in enabled_routes():
        # A channel that fails cannot tell that it fails.
        if str(route.channel_id) == failing or not route_matches(route, alert, at):
            continue
        found.setdefault(route.channel_id, Target(route.channel_id, route))
        if not route.continue_matching:
            break
    if failing and not found:
        return [Target(channel, None) for channel in _other_channels(failing)]
    return list(found.values())


def enabled_routes() -> Sequence[NotificationRoute]:
    return list(NotificationRoute.objects.filter(enabled=True, channel__enabled=True).order_by("position", "name"))


def _other_channels(failing: str) -> list[UUID]:
    """Without a route for it, every other channel that works is better than none."""
    others = NotificationChannel.objects.filter(enabled=True, failing_since=None)
    return [channel for channel in others.values_list("pk", flat=True) if str(channel) != failing]


def route_matches(route: NotificationRoute, alert: Alert, at: datetime) -> bool:
    ranks: list[str] = list(Severity)
    return (
        ranks.index(alert.severity) >= ranks.index(route.severity)
        and alert.key.startswith(route.key_prefix)
        and route.camera in {"", alert.camera}
        and route.host in {"", alert.host}
        and (not route.active_from or is_within(at, route.active_from, route.active_until))
    )


def due_at(route: NotificationRoute | None, severity: str, at: datetime) -> datetime:
    """When a notification is sent: at once if it is critical, else after the wait for its group and the quiet hours."""
    if route is None or severity == Severity.CRITICAL:
        return at
    quiet_until = after_quiet_hours(route, at)
    return quiet_until if quiet_until > at else at + timedelta(seconds=route.group_wait_s)


def after_quiet_hours(route: NotificationRoute, at: datetime) -> datetime:
    """`at`, or the end of the quiet hours that it is in."""
    return end_of_window(at, route.quiet_until) if is_within(at, route.quiet_from, route.quiet_until) else at


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
