"""How much is stored, its history, and how long the space lasts, as the API answers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone
from pydantic import Field

from cameras.models import Camera
from cameras.selectors import hidden_cameras
from captures.roots.models import StorageRoot
from captures.storage.usage.measuring import ON_DISK
from captures.storage.usage.models import RootSpace, StorageUsage
from core.resources.fields import Fields
from core.resources.values import Id
from core.station_settings import camera_config
from core.text.amounts import pluralize
from core.times.timestamps import Stamp


class UsageBody(Fields):
    """Files of a class. `camera` is null for files that belong to none, and for those of cameras that the user may not
    see, which `other_cameras` adds up. `root` is null for logs."""

    day: str
    host: str
    root: str | None
    class_: Annotated[str, Field(alias="class")]
    camera: str | None
    other_cameras: bool
    files: int
    bytes: int


class SpaceForecastBody(Fields):
    """Null: unknown, or the disk does not fill up."""

    days_left: float | None
    bytes_per_day: int | None
    sentence: str


class RootUsageBody(Fields):
    """A storage root as last measured; null before that. `classes` are those whose new files go there."""

    id: Id
    host: str
    path: str
    classes: list[str]
    measured: Stamp | None
    free_bytes: int | None
    total_bytes: int | None
    forecast: SpaceForecastBody
    usage: list[UsageBody]


class StorageBody(Fields):
    results: list[RootUsageBody]


class UsagePage(Fields):
    results: list[UsageBody]


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


MIN_FORECAST_DAYS = 4
"""Days with a measurement, for a slope."""
FORECAST_DAYS = 30
"""Days before the last measurement that count."""
LONGEST_FORECAST = 3650
"""More days than that are not a forecast."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """`days_left` is None when it is unknown, or when the disk does not fill up. `bytes_per_day` is what it loses."""

    days_left: float | None
    bytes_per_day: int | None
    sentence: str


def last_space(root: StorageRoot) -> RootSpace | None:
    """The last measurement. Days of the future were measured while the clock was ahead."""
    return RootSpace.objects.filter(root=root, day__lte=timezone.now().date()).first()


def forecast_of(root: StorageRoot, floor_bytes: int) -> Forecast:
    """From the free space of the last days until `floor_bytes` are left."""
    last = last_space(root)
    if last is None:
        return Forecast(None, None, "Unknown: the disk was not measured yet.")
    days = (last.day - timedelta(days=FORECAST_DAYS), last.day)
    rows = RootSpace.objects.filter(root=root, day__range=days).order_by("day")
    return forecast([(row.day, row.free_bytes) for row in rows], floor_bytes)


def forecast(measured: Sequence[tuple[date, int]], floor_bytes: int) -> Forecast:
    """`measured`: day and free bytes, oldest first."""
    if len(measured) < MIN_FORECAST_DAYS:
        missing = pluralize(MIN_FORECAST_DAYS - len(measured), "more day")
        return Forecast(None, None, f"Unknown: measurements of {missing} are needed.")
    lost = -round(slope(measured))
    left = measured[-1][1] - floor_bytes
    if lost <= 0 or left > lost * LONGEST_FORECAST:
        return Forecast(None, max(0, lost), "The disk does not fill up at present.")
    days = max(0.0, left / lost)
    return Forecast(round(days, 1), lost, f"The soft floor is about {pluralize(round(days), 'day')} away.")


def slope(measured: Sequence[tuple[date, int]]) -> float:
    """Bytes per day: the median of the changes from day to day, which a single day of deletions or of a copy does not
    change."""
    pairs = pairwise(measured)
    return median((later - earlier) / (to - since).days for (since, earlier), (to, later) in pairs)
