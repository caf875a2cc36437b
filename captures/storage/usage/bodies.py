"""Usage as a user may see it. The files of cameras that are hidden from the user are those of other cameras."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from cameras.models import Camera
from cameras.selectors import hidden_cameras
from captures.roots.models import StorageRoot
from captures.storage.usage.answers import RootUsageBody, SpaceForecastBody, UsageBody
from captures.storage.usage.forecast import forecast_of, last_space
from captures.storage.usage.measuring import ON_DISK
from captures.storage.usage.models import StorageUsage
from core.station_settings.values import camera_config


def root_bodies(user: Any) -> list[RootUsageBody]:
    return [_root_body(root, user) for root in StorageRoot.objects.order_by("host", "path")]


def _root_body(root: StorageRoot, user: Any) -> RootUsageBody:
    space = last_space(root)
    forecast = forecast_of(root, int(camera_config().soft_floor_gb * 1e9))
    return RootUsageBody(
        id=root.pk,
        host=root.host,
        path=root.path,
        classes=sorted(root.assignments.values_list("storage_class", flat=True)),
        measured=space.measured_at if space else None,
        free_bytes=space.free_bytes if space else None,
        total_bytes=space.total_bytes if space else None,
        forecast=SpaceForecastBody.model_validate(forecast, from_attributes=True),
        usage=usage_bodies(_newest(root), user),
    )


def _newest(root: StorageRoot) -> list[StorageUsage]:
    """The last measurements. Files with rows are measured together, with the space: a class without files has no row
    then. Each other class has a row of its last measurement. Days of the future were measured by a wrong clock."""
    past = StorageUsage.objects.filter(host=root.host, root__isnull=False, day__lte=timezone.now().date()).order_by()
    on_disk, with_rows = past.filter(root=root, file_class__in=ON_DISK), past.exclude(file_class__in=ON_DISK)
    days = dict(on_disk.values_list("file_class").annotate(last=Max("day")))
    found = [row for name, day in days.items() for row in on_disk.filter(file_class=name, day=day)]
    last = with_rows.aggregate(last=Max("day"))["last"]
    space = last_space(root)
    if space and (last is None or space.day > last):
        last = space.day
    return [*found, *with_rows.filter(root=root, day=last)]


def usage_history(user: Any, days: int) -> list[UsageBody]:
    today = timezone.now().date()
    return usage_bodies(StorageUsage.objects.filter(day__range=(today - timedelta(days=days - 1), today)), user)


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
        UsageBody(
            day=day.isoformat(), host=host, root=str(root) if root else None, class_=name,
            camera=slugs[camera] if camera else None, other_cameras=other, files=files, bytes=size,
        )
        for (day, host, root, name, camera, other), (files, size) in sums.items()
    ]  # fmt: skip
    found.sort(key=lambda one: (one.host, one.root or "", one.class_, one.camera or ""))
    return sorted(found, key=lambda one: one.day, reverse=True)
