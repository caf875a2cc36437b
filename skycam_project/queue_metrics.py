"""Metrics of the queues in the broker for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from cameras.models import CameraHost
from core.broker.broker import BrokerDown
from core.broker.queue_lengths import queue_lengths


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
