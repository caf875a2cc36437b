"""The totals of captures, by camera and outcome: they are counted where an outcome is stored, and never fall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from django.db.models import F, Sum

from cameras.status.messages import CaptureCounts
from captures.capturing.models import Capture, CaptureStatus, CaptureTotal

BOUNDS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 900_000)
"""Upper bounds of the durations that are told apart. Rows hold them: a changed bound applies to new captures only."""
NO_BOUND_MS = 2**31 - 1


def count_outcome(capture: Capture, durable_after_s: float | None = None) -> None:
    count_outcomes([(capture, durable_after_s)])


def count_outcomes(outcomes: Iterable[tuple[Capture, float | None]]) -> None:
    """Count captures whose outcomes are being stored, in the caller's transaction. With each capture the seconds from
    the opening of the shutter to the durable file; None where that is not known."""
    numbers: Counter[tuple[UUID, str, str, int]] = Counter()
    seconds: Counter[tuple[UUID, str, str, int]] = Counter()
    for capture, durable_after_s in outcomes:
        duration_s = durable_after_s if capture.status == CaptureStatus.SAVED else None
        bound_ms = 0 if duration_s is None else next((ms for ms in BOUNDS_MS if duration_s * 1000 <= ms), NO_BOUND_MS)
        key = (capture.camera_id, capture.status, capture.reason, bound_ms)
        numbers[key] += 1
        seconds[key] += duration_s or 0.0  # type: ignore[assignment]  # a Counter adds floats as well
    # In one order, so that two transactions never wait for each other's rows.
    for key in sorted(numbers):
        _add(*key, numbers[key], seconds[key])


def count_missed(camera: UUID, reason: str, number: int) -> None:
    """Count captures of a session that have no row, because an outage skipped them, in the caller's transaction."""
    _add(camera, CaptureStatus.SKIPPED, reason, 0, number, 0.0)


def totals_of(cameras: Iterable[str]) -> dict[str, CaptureCounts]:
    """The totals of each camera, by its id: one query."""
    found = {camera: CaptureCounts(saved=0, failed=0, skipped=0) for camera in cameras}
    rows = CaptureTotal.objects.filter(camera__in=list(found)).order_by()
    for camera, status, number in rows.values_list("camera", "status").annotate(number=Sum("captures")):
        found[str(camera)][status] = number  # type: ignore[literal-required]
    return found


def _add(camera: UUID, status: str, reason: str, bound_ms: int, number: int, seconds: float) -> None:
    """One UPDATE; the row is inserted before the first one."""
    key = {"camera_id": camera, "status": status, "reason": reason, "duration_le_ms": bound_ms}
    total = CaptureTotal.objects.filter(**key)
    # Added by the database: several hosts and processes may count at the same time.
    added = {"captures": F("captures") + number, "seconds": F("seconds") + seconds}
    if not total.update(**added):
        # Another process may insert it at the same moment. An IntegrityError would end the caller's transaction.
        CaptureTotal.objects.bulk_create([CaptureTotal(**key)], ignore_conflicts=True)
        total.update(**added)
