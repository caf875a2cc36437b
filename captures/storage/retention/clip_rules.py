"""Which clips to delete: those beyond the newest of each camera, those that are too old, and the oldest of a root. A
camera that is reopened every few seconds makes a clip each time. By count alone an hour of those would evict a day of
full-length clips, so a clip beyond the count is deleted only if it is also older than the time that this number of
full-length clips covers. A clip that begins in the future was recorded before the clock was set back, so it counts as
older than all others: otherwise each new clip would be deleted at once until the clock catches up."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from itertools import chain, islice
from typing import NamedTuple, Protocol, Self
from uuid import UUID

from django.db.models import CharField, Exists, OuterRef, Q
from django.db.models.functions import Cast
from django.utils import timezone

from cameras.models import Camera
from captures.recordings.clips.models import Clip, ClipKind, ClipQuerySet
from captures.recordings.clips.services import mark_for_deletion
from captures.roots.models import StorageRoot
from captures.storage.file_classes import FileClass
from captures.storage.retention.plan import PlanItem, Why
from captures.tables import unguarded
from core.station_settings import camera_config, retention_config

CLOCK_SKEW = timedelta(minutes=1)
"""How far the clocks of two hosts may differ."""
NONE = Q(pk__in=[])
LENGTH_TOLERANCE = 0.98
"""Share of the nominal length: clocks are set, and a clip may be a little short."""


class RetentionLimit(NamedTuple):
    """Each camera keeps its newest `clips`, and clips that began within `reach` before the newest: the time that many
    full-length clips cover."""

    clips: int
    reach: timedelta

    @classmethod
    def by_config(cls) -> Self:
        config = camera_config()
        clips = config.rolling_clips_count
        return cls(clips, timedelta(minutes=config.recording_duration_minutes * clips * LENGTH_TOLERANCE))


class RoundRobin:
    """Cameras in turn: each pass gets as many as fit in its time, at least one. Counting 100,000 clips of each of many
    cameras takes a while and need not happen at once."""

    def __init__(self) -> None:
        self._last: UUID | None = None

    def cameras(self, within_s: float) -> Iterator[UUID]:
        end = time.monotonic() + within_s
        for camera in self._all():
            yield camera
            self._last = camera
            if time.monotonic() > end:
                return

    def _all(self) -> list[UUID]:
        """Cameras with rolling clips, starting after the last one; also removed ones and those of other hosts."""
        clips = Clip.objects.present().filter(camera=OuterRef("pk"), kind=ClipKind.ROLLING)
        found = list(Camera.objects.filter(Exists(clips)).order_by("pk").values_list("pk", flat=True))
        after = next((place for place, camera in enumerate(found) if self._last is None or camera > self._last), 0)
        return found[after:] + found[:after]


def clips_beyond_limit(camera: UUID, host: str, limit: RetentionLimit) -> ClipQuerySet:
    """Deletable clips of this host beyond the camera's limit by number and by time, oldest first. The camera's newest
    clips count on any host."""
    beyond = beyond_limit(camera, limit)
    # What nearly each look finds. To ask for the guards takes longer than all the rest but the count.
    if beyond == NONE:
        return Clip.objects.none()
    return Clip.objects.deletable().filter(beyond, camera=camera, host=host).order_by("started_at", "pk")


def beyond_limit(camera: UUID, limit: RetentionLimit) -> Q:
    """The condition of a camera's rolling clips beyond its limit."""
    rolling, soon = Clip.objects.present().filter(camera=camera, kind=ClipKind.ROLLING), timezone.now() + CLOCK_SKEW
    past, ahead = rolling.filter(started_at__lte=soon), rolling.filter(started_at__gt=soon)
    found = _beyond_count(past, limit.clips)
    if found != NONE:
        found &= _before_reach(past, limit.reach)
    # Only after a clock was set back. Clips of the future count as the oldest: they keep what the others leave of the
    # limit.
    if ahead.exists():
        found |= _beyond_count(ahead, limit.clips - past[: limit.clips].count()) & Q(started_at__gt=soon)
    return found


def _before_reach(clips: ClipQuerySet, reach: timedelta) -> Q:
    """Begun at least `reach` before the newest of `clips`."""
    newest = clips.order_by("-started_at").values_list("started_at", flat=True).first()
    return Q(started_at__lte=newest - reach) if newest else NONE


def _beyond_count(clips: ClipQuerySet, keep: int) -> Q:
    """Older than the `keep` newest of `clips`."""
    for started_at, pk in clips.order_by("-started_at", "-pk").values_list("started_at", "pk")[keep : keep + 1]:
        older = Q(started_at__lt=started_at) | Q(started_at=started_at, pk__lte=pk)
        # The second condition follows from the first; with it, the database can use the index.
        return older & Q(started_at__lte=started_at)
    return NONE


def deletable_in(root: StorageRoot) -> ClipQuerySet:
    return Clip.objects.deletable().filter(root=root, host=root.host).order_by("started_at", "pk")


def oldest_deletable(root: StorageRoot) -> ClipQuerySet:
    """Deletable clips in a root, oldest first. While some begin in the future, only those."""
    deletable = deletable_in(root)
    ahead = deletable.filter(started_at__gt=timezone.now() + CLOCK_SKEW)
    return ahead if ahead.exists() else deletable


def clips_older_than(root: StorageRoot, kind: str, days: float) -> ClipQuerySet:
    """Clips of a kind in a root that ended more than `days` ago, without pins and holds, oldest first."""
    unheld = unguarded(Clip.objects.unheld(), "clips").filter(root=root, host=root.host)
    return unheld.filter(older_than(kind, days)).order_by("started_at", "pk")


def older_than(kind: str, days: float) -> Q:
    before = timezone.now() - timedelta(days=days)
    # The last condition follows from the others; the index has the begin.
    return Q(kind=kind, ended_at__lt=before, started_at__lt=before)


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
