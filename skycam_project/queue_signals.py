"""What waits in the queues of the station, for the alert rules."""

from __future__ import annotations

from collections.abc import Iterator

from captures.storage.offsite.models import Destination
from captures.storage.offsite.selectors import backlog_of
from core.changes.gate import ChangeGate, in_one_transaction
from core.jobs.models import Job
from core.jobs.states import JobState
from monitoring.alert_rules.rule import Signal
from monitoring.models import DeliveryState, NotificationDelivery, WebhookDelivery
from monitoring.notification_states import NotificationState


def backlogs(_host: str) -> Iterator[Signal]:
    """DatabaseError."""
    _gate.call(_read_backlogs)
    yield from _newest


_newest: list[Signal] = []
_gate = ChangeGate()


def _read_backlogs() -> None:
    with in_one_transaction():
        _newest[:] = _backlogs()


def _backlogs() -> Iterator[Signal]:
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING).count()
    yield Signal("backlog", "station:webhooks", float(pending), "deliveries")
    notifications = NotificationDelivery.objects.filter(state=NotificationState.PENDING).count()
    yield Signal("backlog", "station:notifications", float(notifications), "notifications")
    yield Signal("backlog", "station:jobs", float(Job.objects.filter(state=JobState.WAITING).count()), "jobs")
    files = sum(backlog_of(destination).files for destination in Destination.objects.all())
    yield Signal("backlog", "station:offsite", float(files), "files")
