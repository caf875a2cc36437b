"""Metrics of captures for Prometheus: counters from rows, so that no restart lowers them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any
from uuid import UUID

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

from cameras.selectors import cameras_for
from captures.capturing.models import CaptureStatus, CaptureTotal, Reason
from captures.capturing.totals import BOUNDS_MS
from monitoring.metrics import CAPTURE_ERRORS

OTHER = "other"
"""The label of a reason that this version does not know."""


def capture_metrics(user: Any) -> Iterator[Metric]:
    """Two queries, whatever the number of captures. A camera without captures has zeros."""
    slugs: dict[UUID, str] = dict(cameras_for(user).order_by("slug").values_list("pk", "slug"))
    totals = list(CaptureTotal.objects.filter(camera__in=list(slugs)).order_by())
    yield _saved(slugs, totals)
    yield _by_reason(
        CounterMetricFamily(*CAPTURE_ERRORS, labels=["error_type", "camera"]), slugs, totals, CaptureStatus.FAILED
    )
    yield _by_reason(
        CounterMetricFamily(
            "skycam_captures_skipped", "Captures that were skipped, and those that an outage prevented, by reason.",
            labels=["reason", "camera"],
        ),
        slugs, totals, CaptureStatus.SKIPPED,
    )  # fmt: skip
    yield _durations(slugs, totals)


def _saved(slugs: dict[UUID, str], totals: list[CaptureTotal]) -> Metric:
    family = CounterMetricFamily("skycam_images_captured", "Total number of images captured.", labels=["camera"])
    saved = Counter(dict.fromkeys(slugs, 0))
    for total in totals:
        saved[total.camera_id] += total.captures if total.status == CaptureStatus.SAVED else 0
    for camera, number in saved.items():
        family.add_metric([slugs[camera]], number)
    return family


def _by_reason(
    family: CounterMetricFamily, slugs: dict[UUID, str], totals: list[CaptureTotal], status: CaptureStatus
) -> Metric:
    """A reason that has not occurred is 0: its first time is an increase."""
    found = Counter(dict.fromkeys(product(Reason.values, slugs.values()), 0))
    for total in totals:
        if total.status == status:
            found[total.reason if total.reason in Reason.values else OTHER, slugs[total.camera_id]] += total.captures
    for labels, number in sorted(found.items()):
        family.add_metric(labels, number)
    return family


def _durations(slugs: dict[UUID, str], totals: list[CaptureTotal]) -> Metric:
    """A bound that only older versions had counts under the next one of this version."""
    family = HistogramMetricFamily(
        "skycam_capture_duration_seconds", "Time from the opening of the shutter to the durable file.",
        labels=["camera"],
    )  # fmt: skip
    for camera, slug in slugs.items():
        timed = [total for total in totals if total.camera_id == camera and total.duration_le_ms]
        buckets = [
            (str(ms / 1000), sum(total.captures for total in timed if total.duration_le_ms <= ms)) for ms in BOUNDS_MS
        ]
        whole = ("+Inf", sum(total.captures for total in timed))
        family.add_metric([slug], [*buckets, whole], sum(total.seconds for total in timed))
    return family
