"""Which rolling clips to delete: those beyond the newest of each camera, and the oldest of a root.

A camera that is reopened every few seconds makes a clip each time. By count alone an hour of those would evict a day of
full-length clips, so a clip beyond the count is deleted only if it is also older than the time that this number of
full-length clips covers.

A clip that begins in the future was recorded before the clock was set back, so it counts as older than all others:
otherwise each new clip would be deleted at once until the clock catches up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple, Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from cameras.models import Camera
from captures.recordings.clips.models import Clip, ClipKind, ClipQuerySet
from captures.roots.guards import unguarded
from captures.roots.models import StorageRoot
from core.station_settings.values import camera_config

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
