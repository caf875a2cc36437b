"""Notification channels, routes and notifications that a test needs to exist."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from monitoring.models import NotificationChannel, NotificationDelivery, NotificationRoute
from monitoring.notifications.channels.base import SendResult
from monitoring.notifications.deliveries import claim, due_channels
from monitoring.notifications.outcomes import record_outcome
from monitoring.notifications.resource import ChannelRequest, RouteRequest
from monitoring.notifications.sending import send_claim
from monitoring.notifications.services import add_channel, add_route

SECRET = "a secret of the channel"
NOWHERE = "http://127.0.0.1:9/hook"


def webhook_channel(url: str = NOWHERE, name: str = "lab") -> NotificationChannel:
    request = ChannelRequest(name=name, kind="webhook", settings={"url": url, "secret": SECRET})
    return add_channel(request, "anna")


def mail_channel(port: int, name: str = "night shift") -> NotificationChannel:
    values = {
        "host": "127.0.0.1", "port": port, "security": "none", "sender": "sky@example.org",
        "recipients": ["anna@example.org"],
    }  # fmt: skip
    return add_channel(ChannelRequest(name=name, kind="mail", settings=values), "anna")


def command_channel(command: list[str], name: str = "modem") -> NotificationChannel:
    request = ChannelRequest(name=name, kind="command", settings={"command": command})
    return add_channel(request, "anna", from_file=True)


def route_to(channel: NotificationChannel, name: str = "all", **values: Any) -> NotificationRoute:
    """Without a wait for the group, unless one is given."""
    return add_route(RouteRequest(name=name, channel=channel.pk, **{"group_wait_s": 0, **values}), "anna")


def send_due() -> list[SendResult]:
    """One message of each channel that has something due."""
    results: list[SendResult] = []
    for channel in due_channels():
        if (found := claim(channel, "a worker")) is not None:
            results.append(send_claim(found))
            record_outcome(found, results[-1])
    return results


def make_due(**conditions: Any) -> None:
    NotificationDelivery.objects.filter(state="pending", **conditions).update(not_before=timezone.now())


def wait_s(delivery: NotificationDelivery) -> float:
    """Seconds until it is due."""
    delivery.refresh_from_db()
    return (delivery.not_before - timezone.now()) / timedelta(seconds=1)


def states() -> list[tuple[str, str]]:
    """Kind and state of all notifications, the oldest first."""
    return list(NotificationDelivery.objects.order_by("created_at", "id").values_list("kind", "state"))
