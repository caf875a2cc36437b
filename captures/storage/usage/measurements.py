"""How much is stored: measured by rows and on the disk, stored as a history, and as the API answers it, with how long
the space lasts."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet, Sum
from django.utils import timezone
from pydantic import Field

from cameras.models import Camera
from cameras.selectors import hidden_ids
from cameras.spool.storage import read_marker
from captures.capturing.models import CaptureFile
from captures.recordings.clips.models import Clip
from captures.roots.models import Kept, StorageRoot
from captures.storage.archives.models import ArchiveFile, ArchiveFileState
from captures.storage.file_classes import FileClass
from captures.storage.usage.models import RootSpace, StorageUsage
from captures.thumbnails.store import FOLDER as THUMBNAILS
from core.periodic.task import Work
from core.resources.fields import Fields
from core.resources.values import Id
from core.station_settings import camera_config
from core.text.sentences import pluralize
from core.times.timestamps import Stamp

KEPT_DAYS = 400
ENTRIES = 500
"""Entries of folders between two pauses of a walk."""
ON_DISK = {FileClass.THUMBNAIL: THUMBNAILS, FileClass.SPOOL: ".spool"}
"""Class of files without rows -> its folder in a root."""


class Amount(NamedTuple):
    files: int
    bytes: int


def measure_rows(host: str) -> None:
    """Store how much the files with rows take today, and the free space of the roots. DatabaseError."""
    today, found = timezone.now().date(), list(_usage_by_rows(host))
    with transaction.atomic():
        own = StorageUsage.objects.filter(host=host, day=today)
        own.filter(camera__isnull=False).delete()
        StorageUsage.objects.bulk_create([StorageUsage(host=host, day=today, **fields) for fields in found])
    for root in StorageRoot.objects.filter(host=host):
        _measure_space(root, today)
    oldest = today - timedelta(days=KEPT_DAYS)
    _delete_oldest_day(StorageUsage.objects.filter(host=host), oldest)
    _delete_oldest_day(RootSpace.objects.filter(root__host=host), oldest)


def _delete_oldest_day(rows: QuerySet[Any], before: date) -> None:
    """One day at each measurement: while the clock is a year ahead, all days are too old."""
    day = rows.filter(day__lt=before).aggregate(oldest=Min("day"))["oldest"]
    if day:
        rows.filter(day=day).delete()


def _usage_by_rows(host: str) -> Iterator[dict[str, Any]]:
    clips = Clip.objects.present().filter(host=host)
    kinds = {"rolling": FileClass.ROLLING_CLIP, "manual": FileClass.MANUAL_CLIP}
    for kind, file_class in kinds.items():
        yield from _sums(clips.filter(kind=kind), file_class, "root", "camera")
    captures = CaptureFile.objects.filter(host=host, capture__purged_at=None, kept=Kept.HERE.value)
    yield from _sums(captures, FileClass.CAPTURE, "root", "capture__camera")
    # A hard link is no second copy.
    copied = ArchiveFile.objects.filter(folder__host=host, state=ArchiveFileState.COPIED, kept=Kept.HERE.value)
    archives = copied.filter(linked=False)
    yield from _sums(archives, FileClass.ARCHIVE, "folder__root", "camera")


def _sums(rows: QuerySet[Any], file_class: FileClass, root: str, camera: str) -> Iterator[dict[str, Any]]:
    counted = rows.order_by().values_list(root, camera).annotate(size=Sum("bytes"), number=Count("pk"))
    for root_id, camera_id, size, number in counted:
        yield {"root_id": root_id, "camera_id": camera_id, "file_class": file_class, "bytes": size, "files": number}


def _measure_space(root: StorageRoot, today: date) -> None:
    # Without the marker this is the empty mount point, and its free space is that of another disk.
    if read_marker(root.path) != str(root.pk):
        return
    try:
        disk = shutil.disk_usage(root.path)
    except OSError:
        return
    RootSpace.objects.update_or_create(
        root=root,
        day=today,
        defaults={"measured_at": timezone.now(), "free_bytes": disk.free, "total_bytes": disk.total},
    )


def measure_disk(host: str, pause: Callable[[], None], should_stop: Callable[[], bool]) -> None:
    """Store how much the files without rows take. Walks slowly: it calls `pause` after each ENTRIES entries."""
    today = timezone.now().date()
    for root in StorageRoot.objects.filter(host=host):
        for file_class, folder in ON_DISK.items():
            if read_marker(root.path) == str(root.pk):
                _store(host, root.pk, file_class, today, walk(Path(root.path, folder), pause, should_stop))
    logs = settings.STATION.data / "logs"
    _store(host, None, FileClass.LOG, today, walk(logs, pause, should_stop))


def _store(host: str, root: UUID | None, file_class: FileClass, today: date, amount: Amount | None) -> None:
    if amount is None:
        return
    StorageUsage.objects.update_or_create(
        host=host,
        root_id=root,
        file_class=file_class,
        camera=None,
        day=today,
        defaults={"files": amount.files, "bytes": amount.bytes},
    )


def walk(folder: Path, pause: Callable[[], None], should_stop: Callable[[], bool]) -> Amount | None:
    """The files below a folder, without following symbolic links. None when it was stopped."""
    files = size = entries = 0
    if not folder.is_dir():
        return Amount(0, 0)
    for _, _, names, at in os.fwalk(folder, follow_symlinks=False):
        for name in names:
            entries += 1
            if entries % ENTRIES == 0:
                pause()
            try:
                status = os.stat(name, dir_fd=at, follow_symlinks=False)
            except FileNotFoundError:
                continue  # deleted meanwhile
            files, size = files + 1, size + status.st_size
        if should_stop():
            return None
    return Amount(files, size)


DISK_INTERVAL_S = 6 * 3600.0
DELAY_S = 60.0
"""After the start, when other parts need the disk and the database."""
PAUSE_S = 0.05


class UsageMeasurement(Work):
    def __init__(self, host: str, delay_s: float = DELAY_S) -> None:
        super().__init__(host)
        self._delay_s = delay_s
        self._walked_at = -math.inf

    def run(self) -> None:
        self.control.pause(self._delay_s)
        self._delay_s = 0.0
        if self.control.is_stopping():
            return
        measure_rows(self.host)
        if time.monotonic() - self._walked_at >= DISK_INTERVAL_S:
            measure_disk(self.host, lambda: self.control.pause(PAUSE_S), self.control.is_stopping)
            self._walked_at = time.monotonic()


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
    hidden = hidden_ids(user)
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
