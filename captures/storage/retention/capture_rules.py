"""The rules for captures: their time in the trash, and their age, which moves them there. Nothing deletes captures to
free space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from uuid import UUID

from django.db import transaction
from django.db.models import CharField, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from captures.capturing.models import CaptureFile
from captures.roots.guards import unguarded
from captures.roots.models import StorageRoot
from captures.storage.retention.plan import PlanItem, Why
from captures.storage.stored_files.classes import FileClass
from captures.storage.trash.purge import expired, mark_purged, marked
from captures.storage.trash.services import record_aged, trash_captures, trashable
from core.station_settings import retention_config

COLUMNS = ("pk", Cast("capture__camera", CharField()), Cast("root", CharField()), "path", "bytes")


def file_items(files: QuerySet[CaptureFile], why: Why, most: int | None) -> Iterator[PlanItem]:
    rows = files.order_by("pk").values_list(*COLUMNS)
    ids = cache(UUID)
    for pk, camera, root, path, size in rows[:most] if most else rows.iterator(chunk_size=2000):
        yield PlanItem("captures", str(pk), FileClass.CAPTURE, ids(camera), ids(root), path, size, why)


def _in(files: QuerySet[CaptureFile], roots: Sequence[StorageRoot]) -> Iterator[QuerySet[CaptureFile]]:
    for root in roots:
        yield files.filter(root=root, host=root.host)


class MarkedCaptures:
    """Purges that a kill or a missing disk interrupted."""

    table, why = "captures", Why.ASKED

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        for files in _in(marked(), roots):
            yield from file_items(files, self.why, most)

    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        return [str(pk) for pk in marked().filter(pk__in=[item.pk for item in items]).values_list("pk", flat=True)]


class TimeInTrash:
    """Captures that were moved to the trash longer ago than they can be restored."""

    table, why = "captures", Why.TRASH

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        for files in _in(expired(retention_config().trash_days), roots):
            yield from file_items(files, self.why, most)

    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        return mark_purged([item.pk for item in items], retention_config().trash_days)


class AgeOfCaptures:
    """Captures that are older than captures may become: they are moved to the trash, and no file is deleted."""

    table, why = "captures", Why.AGE

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        if retention_config().capture_days:
            for files in _in(unguarded(self._aged(), "captures"), roots):
                yield from file_items(files, self.why, most)

    @transaction.atomic
    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        if not retention_config().capture_days:
            return []
        aged = unguarded(self._aged(), "captures").filter(pk__in=[item.pk for item in items])
        moved = trash_captures(set(aged.values_list("capture", flat=True)), actor="")
        record_aged(moved, retention_config().capture_days)
        return []

    @staticmethod
    def _aged() -> QuerySet[CaptureFile]:
        before = timezone.now() - timedelta(days=retention_config().capture_days)
        return CaptureFile.objects.filter(capture__in=trashable().filter(started_at__lt=before).order_by())
