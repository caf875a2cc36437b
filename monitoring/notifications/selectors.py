"""Channels, routes and notifications, for managers only: they name people, and have the alerts of all cameras.

Silences are for all who may see their camera.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from monitoring.models import (
    AlertSilence,
    NotificationChannel,
    NotificationDelivery,
    NotificationRoute,
    NotificationState,
)
from monitoring.notifications.silences import active_silences
from monitoring.selectors import visible_to


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    channel: NotificationChannel
    pending: int


def is_manager(user: Any) -> bool:
    return bool(user.is_authenticated and user.may("manager"))


def channels_for(user: Any) -> QuerySet[NotificationChannel]:
    return NotificationChannel.objects.all() if is_manager(user) else NotificationChannel.objects.none()


def routes_for(user: Any) -> QuerySet[NotificationRoute]:
    """In the order in which they are tried, with their channels."""
    found = NotificationRoute.objects.all() if is_manager(user) else NotificationRoute.objects.none()
    return found.select_related("channel", "escalate_to")


def notifications_for(user: Any) -> QuerySet[NotificationDelivery]:
    found = NotificationDelivery.objects.all() if is_manager(user) else NotificationDelivery.objects.none()
    return found.select_related("channel")


def statuses_of(channels: QuerySet[NotificationChannel]) -> list[ChannelStatus]:
    """In one query for any number of channels."""
    # What waits for a repetition or an escalation is no backlog.
    pending = Q(deliveries__state=NotificationState.PENDING, deliveries__kind__in=["opened", "resolved", "report"])
    counted = channels.annotate(waiting=Count("deliveries", filter=pending))
    return [ChannelStatus(one, one.waiting) for one in counted]


def status_of(channel: NotificationChannel) -> ChannelStatus:
    return statuses_of(NotificationChannel.objects.filter(pk=channel.pk))[0]


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


def active_silences_for(user: Any) -> QuerySet[AlertSilence]:
    return silences_for(user).filter(pk__in=active_silences().values("pk"))
