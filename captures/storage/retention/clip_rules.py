"""The rules for clips: what each selects, and the mark that repeats its conditions when it is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, islice
from typing import Protocol
from uuid import UUID

from django.db.models import CharField
from django.db.models.functions import Cast

from captures.recordings.clips.deletion import mark_for_deletion
from captures.recordings.clips.models import Clip, ClipKind, ClipQuerySet
from captures.roots.models import StorageRoot
from captures.storage.retention.plan import PlanItem, Why
from captures.storage.retention.policy import (
    RetentionLimit,
    clips_beyond_limit,
    clips_older_than,
    deletable_in,
    oldest_deletable,
)
from captures.storage.stored_files.classes import FileClass
from core.station_settings.values import retention_config

CLIP_CLASSES = {ClipKind.ROLLING: FileClass.ROLLING_CLIP, ClipKind.MANUAL: FileClass.MANUAL_CLIP}
COLUMNS = (Cast("pk", CharField()), "kind", Cast("camera", CharField()), Cast("root", CharField()), "path", "bytes")
"""Ids as text: to make three UUIDs for each of 200,000 clips takes longer than all the rest of a plan."""


class Rule(Protocol):
    """A rule of retention for one table of files."""

    table: str
    why: Why

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        """The files in these roots that the rule deletes now, `most` of each root or camera. `cameras`: of those with
        rolling clips, the ones whose clips are counted."""

    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        """Mark those of `items` that the rule still selects; returns their keys. The deletion of the file follows."""


def clip_items(clips: ClipQuerySet, why: Why, most: int | None = None) -> Iterator[PlanItem]:
    # Without model instances: a plan can have 200,000 files.
    rows = clips.values_list(*COLUMNS)[:most] if most else clips.values_list(*COLUMNS).iterator(chunk_size=2000)
    ids = cache(UUID)
    for pk, kind, camera, root, path, size in rows:
        yield PlanItem("clips", dashed(pk), CLIP_CLASSES[kind], ids(camera), ids(root), path, size, why)


def dashed(ident: str) -> str:
    """A UUID as Python prints it. SQLite has it without hyphens."""
    if len(ident) != 32:
        return ident
    return f"{ident[:8]}-{ident[8:12]}-{ident[12:16]}-{ident[16:20]}-{ident[20:]}"


def clips_to_free(root: StorageRoot, missing_bytes: int, excluded: Container[str]) -> Iterator[PlanItem]:
    """The oldest deletable clips of a root that add up to `missing_bytes`, or all; without `excluded`."""
    known = set[str]()
    for item in chain(clip_items(oldest_deletable(root), Why.SPACE), clip_items(deletable_in(root), Why.SPACE)):
        if missing_bytes <= 0:
            return
        if item.pk not in known and item.pk not in excluded:
            known.add(item.pk)
            missing_bytes -= item.bytes
            yield item


def mark_clips(clips: ClipQuerySet, items: Iterable[PlanItem]) -> list[str]:
    return [str(pk) for pk in mark_for_deletion(clips.filter(pk__in=[item.pk for item in items]))]


class MarkedClips:
    """Clips that a person deleted while this host was away, and deletions that a kill interrupted."""

    table, why = "clips", Why.ASKED

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        for root in roots:
            marked = Clip.objects.exclude(deleted_at=None).filter(root=root, host=root.host)
            yield from clip_items(marked.order_by("deleted_at", "pk"), self.why, most)

    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        marked = Clip.objects.exclude(deleted_at=None).filter(pk__in=[item.pk for item in items])
        return [str(pk) for pk in marked.values_list("pk", flat=True)]


class CountOfClips:
    """Rolling clips beyond the newest of their camera."""

    table, why = "clips", Why.COUNT

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        limit, hosts = RetentionLimit.by_config(), {root.host for root in roots}
        for camera in cameras:
            for host in hosts:
                beyond = clips_beyond_limit(camera, host, limit).filter(root__in=roots)
                yield from clip_items(beyond, self.why, most)

    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        limit, by_camera = RetentionLimit.by_config(), defaultdict[tuple[UUID, UUID], list[PlanItem]](list)
        for item in items:
            by_camera[item.camera, item.root].append(item)
        hosts = dict(StorageRoot.objects.filter(pk__in={item.root for item in items}).values_list("pk", "host"))
        return [
            pk
            for (camera, root), own in by_camera.items()
            for pk in mark_clips(clips_beyond_limit(camera, hosts[root], limit), own)
        ]


class AgeOfClips:
    """Clips that are older than their kind may become."""

    table, why = "clips", Why.AGE

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        for kind, days in age_limits().items():
            for root in roots if days else ():
                yield from clip_items(clips_older_than(root, kind, days), self.why, most)

    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        roots = StorageRoot.objects.in_bulk({item.root for item in items})
        return [
            pk
            for kind, days in age_limits().items()
            for root in roots.values()
            if days
            for pk in mark_clips(clips_older_than(root, kind, days), [one for one in items if one.root == root.pk])
        ]


def age_limits() -> dict[str, float]:
    """Kind of clip -> days; 0 is without limit."""
    config = retention_config()
    return {ClipKind.ROLLING: config.rolling_clip_days, ClipKind.MANUAL: config.manual_clip_days}


def chunks(items: Iterable[PlanItem], size: int) -> Iterator[list[PlanItem]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
