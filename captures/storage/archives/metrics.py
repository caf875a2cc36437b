"""Metrics of archives for Prometheus, for managers: an archive may have the files of any camera."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Min
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from captures.storage.archives.models import Archive, ArchiveState

RESULTS = {"whole": "whole", "faulty": "faulty", "": "never"}
"""Result of the last verification as in the row -> as in the metric."""


def archive_metrics(user: Any) -> Iterator[Metric]:
    if not user.may("manager"):
        return
    archives = Archive.objects.order_by()
    states = GaugeMetricFamily("skycam_archives", "Archives by state.", labels=["state"])
    counted = dict(archives.values_list("state").annotate(number=Count("pk")))
    for state in ArchiveState.values:
        states.add_metric([state], counted.get(state, 0))
    yield states
    results = GaugeMetricFamily(
        "skycam_archive_verifications", "Complete archives by the result of their last verification.",
        labels=["result"],
    )  # fmt: skip
    complete = archives.filter(state=ArchiveState.COMPLETE)
    verified = dict(complete.values_list("verification").annotate(number=Count("pk")))
    for stored, label in RESULTS.items():
        results.add_metric([label], verified.get(stored, 0))
    yield results
    oldest = GaugeMetricFamily(
        "skycam_archive_oldest_verification_timestamp_seconds",
        "When the archive whose verification is the longest ago was verified.",
    )
    if at := complete.aggregate(at=Min("verified_at"))["at"]:
        oldest.add_metric([], at.timestamp())
    yield oldest
