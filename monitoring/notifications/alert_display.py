"""An alert as pages show it: who was notified, and whether it is silenced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.events.models import Alert
from monitoring.models import NotificationDelivery
from monitoring.notification_states import NotificationKind
from monitoring.notifications.selectors import notifications_of
from monitoring.notifications.silenced import active_silences, is_silenced


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
