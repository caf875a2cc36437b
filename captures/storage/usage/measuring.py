"""How much is stored is measured, by rows and on the disk, and stored as a history."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min, QuerySet, Sum
from django.utils import timezone

from cameras.spool.storage import read_marker
from captures.capturing.models import CaptureFile
from captures.recordings.clips.models import Clip
from captures.roots.models import Kept, StorageRoot
from captures.storage.archives.models import ArchiveFile, ArchiveFileState
from captures.storage.stored_files.classes import FileClass
from captures.storage.usage.models import RootSpace, StorageUsage
from captures.thumbnails.store import FOLDER as THUMBNAILS
from core.periodic.work import Work

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
