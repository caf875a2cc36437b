"""Metrics of captures for Prometheus: counters from rows, so that no restart lowers them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, product
from typing import Any, NamedTuple
from uuid import UUID

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

from cameras.selectors import cameras_for
from captures.capturing.models import CaptureStatus, CaptureTotal, Reason
from captures.capturing.outcomes import BOUNDS_MS
from core.collection_errors import CAPTURE_ERRORS

KNOWN = frozenset(Reason.values)
OTHER = "other"
"""The label of a reason that this version does not know."""
BOUNDS = [*(str(ms / 1000) for ms in BOUNDS_MS), "+Inf"]
FIRST_REASONS = {CaptureStatus.FAILED: Reason.CAMERA_ERROR, CaptureStatus.SKIPPED: Reason.OVERRUN}
"""The reason that each camera has from the start, so that there is a series before the first failure."""


class Total(NamedTuple):
    """A row of CaptureTotal; the camera by its slug."""

    slug: str
    status: str
    reason: str
    duration_le_ms: int
    captures: int
    seconds: float


def capture_metrics(user: Any) -> Iterator[Metric]:
    """Two queries, whatever the number of captures. A camera without captures has zeros."""
    slugs: dict[UUID, str] = dict(cameras_for(user).order_by("slug").values_list("pk", "slug"))
    rows = CaptureTotal.objects.filter(camera__in=list(slugs)).order_by()
    # No models: a scrape has hundreds of these rows.
    totals = [Total(slugs[camera], *values) for camera, *values in rows.values_list("camera", *Total._fields[1:])]
    cameras = list(slugs.values())
    yield _saved(cameras, totals)
    yield _by_reason(
        CounterMetricFamily(*CAPTURE_ERRORS, labels=["error_type", "camera"]), cameras, totals, CaptureStatus.FAILED
    )
    yield _by_reason(
        CounterMetricFamily(
            "skycam_captures_skipped", "Captures that were skipped, and those that an outage prevented, by reason.",
            labels=["reason", "camera"],
        ),
        cameras, totals, CaptureStatus.SKIPPED,
    )  # fmt: skip
    yield _durations(cameras, totals)


def _saved(cameras: list[str], totals: list[Total]) -> Metric:
    family = CounterMetricFamily("skycam_images_captured", "Total number of images captured.", labels=["camera"])
    saved = Counter(dict.fromkeys(cameras, 0))
    for total in totals:
        if total.status == CaptureStatus.SAVED:
            saved[total.slug] += total.captures
    for slug, number in saved.items():
        family.add_metric([slug], number)
    return family


def _by_reason(family: CounterMetricFamily, cameras: list[str], totals: list[Total], status: CaptureStatus) -> Metric:
    """A reason that another camera has had is 0: its first time is an increase. Not all reasons: most never occur, and
    32 cameras would have a thousand series of them."""
    counted: Counter[tuple[str, str]] = Counter()
    for total in totals:
        if total.status == status:
            counted[total.reason if total.reason in KNOWN else OTHER, total.slug] += total.captures
    reasons = {FIRST_REASONS[status].value, *(reason for reason, _ in counted)}
    for labels in product(sorted(reasons), cameras):
        family.add_metric(labels, counted[labels])
    return family


def _durations(cameras: list[str], totals: list[Total]) -> Metric:
    """A bound that only older versions had counts under the next one of this version."""
    family = HistogramMetricFamily(
        "skycam_capture_duration_seconds", "Time from the opening of the shutter to the durable file.",
        labels=["camera"],
    )  # fmt: skip
    timed: dict[str, list[Total]] = {slug: [] for slug in cameras}
    for total in totals:
        if total.duration_le_ms:
            timed[total.slug].append(total)
    for slug, found in timed.items():
        numbers = [0] * (len(BOUNDS_MS) + 1)
        for total in found:
            numbers[bisect_left(BOUNDS_MS, total.duration_le_ms)] += total.captures
        buckets = list(zip(BOUNDS, accumulate(numbers), strict=True))
        family.add_metric([slug], buckets, sum(total.seconds for total in found))
    return family
