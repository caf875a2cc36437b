"""The cameras' temperatures of the last day, from their captures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from django.db.models import Avg, CharField
from django.db.models.functions import Cast, Substr
from django.utils import timezone

from cameras.camera_display import CameraDisplay
from captures.capturing.models import Capture

SPAN = timedelta(hours=24)
TO_THE_MINUTE = len("2026-11-20 21:04")


class Series(TypedDict):
    """`points` are (seconds since 1970, degrees Celsius), one for each minute with captures, oldest first."""

    name: str
    points: list[tuple[int, float]]


def temperatures(displays: Iterable[CameraDisplay]) -> list[Series]:
    """Temperatures of the last 24 hours, in one query; the newest point is the camera's current temperature."""
    listed = list(displays)
    points: dict[Any, list[tuple[int, float]]] = {display.camera.pk: [] for display in listed}
    for camera, minute, mean in _minutes(list(points)):
        points[camera].append((_seconds(minute), round(mean, 2)))
    found = [
        Series(name=display.camera.name, points=_with_current(points[display.camera.pk], display)) for display in listed
    ]
    return [series for series in found if series["points"]]


def _minutes(cameras: list[Any]) -> Iterable[tuple[Any, str, float]]:
    """Means by the minute. They are grouped by the text of the time, whose beginning is the same on SQLite and
    PostgreSQL."""
    rows = Capture.objects.filter(
        camera__in=cameras, started_at__gte=timezone.now() - SPAN, temperature_celsius__isnull=False
    )
    minute = Substr(Cast("started_at", CharField()), 1, TO_THE_MINUTE)
    grouped = rows.annotate(minute=minute).values("camera", "minute").annotate(mean=Avg("temperature_celsius"))
    return grouped.order_by("minute").values_list("camera", "minute", "mean")


def _seconds(minute: str) -> int:
    return int(datetime.fromisoformat(minute).replace(tzinfo=UTC).timestamp())


def _with_current(points: list[tuple[int, float]], display: CameraDisplay) -> list[tuple[int, float]]:
    now = display.status["temperature_celsius"]
    return points if now is None else [*points, (int(timezone.now().timestamp()), round(now, 2))]
