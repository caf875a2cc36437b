"""Which silences are active, and which alerts they silence."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from core import database_clock
from core.events.models import Alert
from monitoring.models import AlertSilence


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
