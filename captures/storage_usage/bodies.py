"""Usage as JSON. Users see the files of cameras that they may not see only as those of other cameras."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from cameras.models import Camera
from cameras.selectors import hidden_cameras
from captures.storage.models import StorageRoot
from captures.storage_usage.forecast import forecast_of
from captures.storage_usage.models import RootSpace, StorageUsage
from core.station_settings.values import camera_config
from core.times.timestamps import stamp

UsageBody = TypedDict(
    "UsageBody",
    {"day": str, "host": str, "root": str | None, "class": str, "camera": str | None, "other_cameras": bool,
     "files": int, "bytes": int},
)  # fmt: skip
"""Files of a class. `camera` is null for files that belong to none, and for those of cameras that the user may not see,
which `other_cameras` adds up. `root` is null for logs."""


class SpaceForecastBody(TypedDict):
    """Null: unknown, or the disk does not fill up."""

    days_left: float | None
    bytes_per_day: int | None
    sentence: str


class RootUsageBody(TypedDict):
    """A storage root as last measured; null before that. `classes` are those whose new files go there."""

    id: str
    host: str
    path: str
    classes: list[str]
    measured: str | None
    free_bytes: int | None
    total_bytes: int | None
    forecast: SpaceForecastBody
    usage: list[UsageBody]


def root_bodies(user: Any) -> list[RootUsageBody]:
    return [_root_body(root, user) for root in StorageRoot.objects.order_by("host", "path")]


def _root_body(root: StorageRoot, user: Any) -> RootUsageBody:
    space = RootSpace.objects.filter(root=root).first()
    forecast = forecast_of(root, int(camera_config().soft_floor_gb * 1e9))
    return RootUsageBody(
        id=str(root.pk),
        host=root.host,
        path=root.path,
        classes=sorted(root.assignments.values_list("storage_class", flat=True)),
        measured=stamp(space.measured_at) if space else None,
        free_bytes=space.free_bytes if space else None,
        total_bytes=space.total_bytes if space else None,
        forecast=SpaceForecastBody(
            days_left=forecast.days_left, bytes_per_day=forecast.bytes_per_day, sentence=forecast.sentence
        ),
        usage=usage_bodies(_newest(root), user),
    )


def _newest(root: StorageRoot) -> list[StorageUsage]:
    """Of each class the last measurement: the classes are measured at different times."""
    usage = StorageUsage.objects.filter(root=root)
    days = usage.values_list("file_class").annotate(last=Max("day"))
    return [row for name, day in days for row in usage.filter(file_class=name, day=day)]


def usage_history(user: Any, days: int) -> list[UsageBody]:
    since = timezone.now().date() - timedelta(days=days - 1)
    return usage_bodies(StorageUsage.objects.filter(day__gte=since), user)


def usage_bodies(rows: Iterable[StorageUsage], user: Any) -> list[UsageBody]:
    """Newest day first."""
    hidden = {camera.pk for camera in hidden_cameras(user)}
    slugs = dict(Camera.objects.values_list("pk", "slug"))
    sums: dict[tuple[date, str, UUID | None, str, UUID | None, bool], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        other = row.camera_id in hidden
        amount = sums[row.day, row.host, row.root_id, row.file_class, None if other else row.camera_id, other]
        amount[0] += row.files
        amount[1] += row.bytes
    found = [
        UsageBody({
            "day": day.isoformat(), "host": host, "root": str(root) if root else None, "class": name,
            "camera": slugs[camera] if camera else None, "other_cameras": other, "files": files, "bytes": size,
        })
        for (day, host, root, name, camera, other), (files, size) in sums.items()
    ]  # fmt: skip
    found.sort(key=lambda one: (one["host"], one["root"] or "", one["class"], one["camera"] or ""))
    return sorted(found, key=lambda one: one["day"], reverse=True)


class StorageBody(TypedDict):
    results: list[RootUsageBody]


class UsagePage(TypedDict):
    results: list[UsageBody]
