"""Metrics of off-site copies for Prometheus, for managers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from captures.storage.offsite.models import Destination
from captures.storage.offsite.selectors import backlog_of

NAMES = {
    "skycam_offsite_backlog_files": ("files", "Files that wait for their off-site copy."),
    "skycam_offsite_backlog_bytes": ("bytes", "Their bytes."),
    "skycam_offsite_dead_files": ("dead", "Files whose off-site copy needs a person."),
}
"""Metric -> the field of the backlog, and what it means."""


def offsite_metrics(user: Any) -> Iterator[Metric]:
    if not user.may("manager"):
        return
    found = {destination.name: backlog_of(destination) for destination in Destination.objects.all()}
    for name, (field, meaning) in NAMES.items():
        family = GaugeMetricFamily(name, meaning, labels=["destination"])
        for destination, backlog in found.items():
            family.add_metric([destination], getattr(backlog, field))
        yield family
