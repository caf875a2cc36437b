"""What waits in the queues of the station: metrics of the broker's queues for Prometheus, and backlogs for the alert
rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from cameras.models import CameraHost
from captures.storage.offsite.models import Destination
from captures.storage.offsite.selectors import backlog_of
from core.broker.broker import BrokerDown
from core.broker.queue_lengths import queue_lengths
from core.changes.gate import ChangeGate, in_one_transaction
from core.jobs.models import Job
from core.jobs.states import JobState
from monitoring.alert_rules.rule import Signal
from monitoring.models import DeliveryState, NotificationDelivery, WebhookDelivery
from monitoring.notification_states import NotificationState


def queue_metrics(user: Any) -> Iterator[Metric]:
    """Messages that wait: jobs, files and commands of each host. Left out while the broker does not answer."""
    if not user.may("viewer"):
        return
    hosts = sorted({settings.STATION.host, *CameraHost.objects.values_list("name", flat=True)})
    try:
        lengths = queue_lengths(hosts)
    except BrokerDown:
        return
    family = GaugeMetricFamily("skycam_queue_length", "Messages that wait in a queue of the broker.", labels=["queue"])
    for name, length in lengths.items():
        family.add_metric([name], length)
    yield family


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
