"""Which silences are active and which alerts they silence; what a user may see of notifications and silences, alerts
as pages show them, and the metrics of channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from core import database_clock
from core.events.models import Alert
from core.events.selectors import visible_to
from monitoring.models import AlertSilence, NotificationChannel, NotificationDelivery, NotificationRoute
from monitoring.notification_states import NotificationKind, NotificationState


def active_silences(at: datetime | None = None) -> QuerySet[AlertSilence]:
    at = at or database_clock.estimate()
    return AlertSilence.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at), ended_at=None)


def is_silenced(alert: Alert, silences: list[AlertSilence]) -> bool:
    return any(silence_matches(one, alert) for one in silences)


def silenced_alerts(alerts: QuerySet[Alert]) -> list[UUID]:
    """The ids of those that are silenced now. No query of alerts without an active silence."""
    silences = list(active_silences())
    if not silences:
        return []
    return [alert.pk for alert in alerts.only("key", "camera") if is_silenced(alert, silences)]


def silence_matches(silence: AlertSilence, alert: Alert) -> bool:
    return (
        silence.key in {"", alert.key}
        and alert.key.startswith(silence.key_prefix)
        and silence.camera in {"", alert.camera}
    )


def is_manager(user: Any) -> bool:
    return bool(user.is_authenticated and user.may("manager"))


def channels_for(user: Any) -> QuerySet[NotificationChannel]:
    return NotificationChannel.objects.all() if is_manager(user) else NotificationChannel.objects.none()


def channel_for(user: Any, channel: UUID) -> NotificationChannel:
    """NotificationChannel.DoesNotExist."""
    return channels_for(user).get(pk=channel)


def with_pending(channels: Iterable[NotificationChannel], _user: Any) -> list[NotificationChannel]:
    """With the number of messages that wait, in one query for any number of channels."""
    found = list(channels)
    # What waits for a repetition or an escalation is no backlog.
    waiting = NotificationDelivery.objects.filter(
        state=NotificationState.PENDING, kind__in=["opened", "resolved", "report"], channel__in=found
    )
    counts = dict(waiting.order_by().values_list("channel").annotate(Count("pk")))
    for channel in found:
        channel.pending = counts.get(channel.pk, 0)
    return found


def routes_for(user: Any) -> QuerySet[NotificationRoute]:
    """In the order in which they are tried, with their channels."""
    found = NotificationRoute.objects.all() if is_manager(user) else NotificationRoute.objects.none()
    return found.select_related("channel", "escalate_to")


def route_for(user: Any, route: UUID) -> NotificationRoute:
    """NotificationRoute.DoesNotExist."""
    return routes_for(user).get(pk=route)


def notifications_for(user: Any) -> QuerySet[NotificationDelivery]:
    found = NotificationDelivery.objects.all() if is_manager(user) else NotificationDelivery.objects.none()
    return found.select_related("channel")


def notifications_of(alerts: Iterable[UUID]) -> dict[UUID, list[NotificationDelivery]]:
    """Alert -> who is notified of it, the oldest first; in one query."""
    rows = NotificationDelivery.objects.filter(alert__in=list(alerts)).select_related("channel")
    found: dict[UUID, list[NotificationDelivery]] = {}
    for row in rows.order_by("created_at", "id"):
        if row.alert is not None:
            found.setdefault(row.alert, []).append(row)
    return found


def silences_for(user: Any) -> QuerySet[AlertSilence]:
    if not user.is_authenticated or not user.may("viewer"):
        return AlertSilence.objects.none()
    found = visible_to(AlertSilence.objects.all(), user)
    # A beginning of keys may name a camera that not everyone may see.
    return found if user.may("manager") else found.filter(key_prefix="")


def silence_for(user: Any, silence: UUID) -> AlertSilence:
    """AlertSilence.DoesNotExist."""
    return silences_for(user).get(pk=silence)


def active_silences_for(user: Any) -> QuerySet[AlertSilence]:
    return silences_for(user).filter(pk__in=active_silences().values("pk"))


@dataclass(frozen=True, slots=True)
class AlertDisplay:
    """`notified`: the notifications of it that are sent, wait or have failed, without those that only may follow."""

    alert: Alert
    notified: list[NotificationDelivery]
    silenced: bool


def alert_displays(alerts: Iterable[Alert]) -> list[AlertDisplay]:
    """In two queries beside that of the alerts, for any number of them. What is over is not silenced."""
    found, silences = list(alerts), list(active_silences())
    notified = notifications_of(alert.pk for alert in found)
    return [
        AlertDisplay(
            alert,
            [row for row in notified.get(alert.pk, []) if has_begun(row)],
            alert.state != Alert.State.RESOLVED and is_silenced(alert, silences),
        )
        for alert in found
    ]


def has_begun(row: NotificationDelivery) -> bool:
    return row.tries > 0 or row.kind == NotificationKind.OPENED


def notification_metrics(user: Any) -> Iterator[Metric]:
    """The backlog of each channel, and since when it fails."""
    channels = with_pending(channels_for(user), user)
    if not channels:
        return
    pending = GaugeMetricFamily(
        "skycam_notifications_pending", "Notifications that wait to be sent.", labels=["channel"]
    )
    failing = GaugeMetricFamily(
        "skycam_notification_failing_since", "When the channel began to fail, in seconds since 1970; 0: it does not.",
        labels=["channel"],
    )  # fmt: skip
    for channel in channels:
        since = channel.failing_since
        pending.add_metric([channel.name], channel.pending)
        failing.add_metric([channel.name], since.timestamp() if since else 0)
    yield pending
    yield failing
