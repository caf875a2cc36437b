"""The windows of experiments on a camera, compared with clips by the boot clock where possible."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from uuid import UUID

from django.db.models import Q

from cameras.spool.moments import Moment
from cameras.spool.spool import boot_id
from captures.recordings.claims.models import RecordingClaim, as_moment
from captures.recordings.clips.models import Clip

CLOCK_SLACK = timedelta(days=2)
"""How far a wall clock may be off for a search by wall times to find a row. A row of the same boot is always found."""


def present_moment() -> Moment:
    """Now, on this machine."""
    return Moment(time.time(), boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME))


def clip_moments(clip: Clip) -> tuple[Moment, Moment]:
    """When the clip begins and ends. Its length was measured by the monotonic clock."""
    begin = as_moment(clip.started_at.timestamp(), clip.boot, clip.boot_s)
    return begin, begin.earlier(-clip.duration.total_seconds())


def shows(clip: Clip, begin: Moment, end: Moment | None) -> bool:
    """Whether the clip shows a part of this time; None is a time that has not ended."""
    first, last = clip_moments(clip)
    return (end is None or first.seconds_until(end) > 0) and begin.seconds_until(last) > 0


def experiments_of(clip: Clip) -> set[UUID]:
    """The experiments that record, and of whose time, the pre-roll included, the clip shows a part."""
    near = Q(ended_at=None) | Q(ended_at__gte=clip.started_at - CLOCK_SLACK, held_from__lte=clip.ended_at + CLOCK_SLACK)
    if clip.boot:
        near |= Q(boot=clip.boot) | Q(ended_boot=clip.boot)
    claims = RecordingClaim.objects.of_experiments().filter(near, camera=clip.camera_id)
    return {one.experiment_id for one in claims if one.experiment_id and shows(clip, one.begin, one.end)}


def clips_since(camera: UUID, begin: Moment) -> Iterator[UUID]:
    """The clips with a row that show a part of the time from `begin`, not long ago, until now."""
    clips = Clip.objects.present().filter(camera=camera)
    # Clips of a camera do not overlap: by the boot clock, the first one that ended too early is the last to look at.
    of_this_boot = clips.filter(boot=begin.boot).order_by("-boot_s")
    found = takewhile(lambda clip: shows(clip, begin, None), of_this_boot.iterator(chunk_size=20))
    yield from (clip.pk for clip in found)
    others = clips.exclude(boot=begin.boot).filter(ended_at__gt=datetime.fromtimestamp(begin.wall, UTC))
    yield from (clip.pk for clip in others if shows(clip, begin, None))
