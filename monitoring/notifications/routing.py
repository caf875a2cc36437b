"""Which channels an alert goes to: the routes in their order, as they are now; and the hours of a route at the site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.events.models import Alert
from core.events.severity import Severity
from core.station_zone import station_zone
from monitoring.models import NotificationChannel, NotificationRoute


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
