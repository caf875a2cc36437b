"""The metrics of the web part for Prometheus, at `/metrics` and in the API; among them what runs, and what waits in
the queues of the station, which is also a backlog for the alert rules."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from rest_framework.request import Request
from rest_framework.views import APIView

from cameras.models import CameraHost
from captures.storage.offsite.models import Destination
from captures.storage.offsite.selectors import backlog_of
from core.broker.broker import BrokerDown
from core.broker.queue_lengths import queue_lengths
from core.changes import ChangeGate, in_one_transaction
from core.jobs.models import Job
from core.jobs.states import JobState
from monitoring.alert_rules.rule import Signal
from monitoring.metrics import metrics_for
from monitoring.models import DeliveryState, NotificationDelivery, WebhookDelivery
from monitoring.notification_states import NotificationState


def build_metrics(_user: Any) -> Iterator[Metric]:
    labels = {
        "version": _version(),
        "python": platform.python_version(),
        "database": connection.vendor,
        "host": settings.STATION.host,
        "station": settings.STATION.station.id,
    }
    yield InfoMetricFamily("skycam_build", "Versions of Skycam and of what it runs on.", labels)


@cache
def _version() -> str:
    """Read once: it opens the package's files."""
    return version("skycam")


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


class PrometheusView(APIView):
    """As `metrics/` of the API: a station has one web process on a host, so its counters are whole."""

    roles = {"GET": "viewer"}
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(generate_latest() + metrics_for(request.user), content_type=CONTENT_TYPE_LATEST)


class MetricsView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """Counters of the web process that answers, and metrics of the cameras that you may see, for Prometheus."""
        return HttpResponse(generate_latest() + metrics_for(request.user), content_type=CONTENT_TYPE_LATEST)
