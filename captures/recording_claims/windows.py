"""The windows of experiments on a camera, compared with clips by the boot clock where possible."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import takewhile
from uuid import UUID

from django.db.models import Q

from cameras.spool.moments import Moment
from cameras.spool.spool import boot_id
from captures.clips.models import Clip
from captures.recording_claims.models import RecordingClaim, as_moment

CLOCK_SLACK = timedelta(days=2)
"""How far a wall clock may be off for a search by wall times to find a row. A row of the same boot is always found."""


def present_moment() -> Moment:
    """Now, on this machine."""
    return Moment(time.time(), boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME))


def clip_moments(clip: Clip) -> tuple[Moment, Moment]:
    """When the clip begins and ends. Its length was measured by the monotonic clock."""
    begin = as_moment(clip.started_at.timestamp(), clip.boot, clip.boot_s)
    return begin, begin.earlier(-clip.duration.total_seconds())


def overlaps(clip: Clip, claim: RecordingClaim) -> bool:
    """Whether the clip shows a part of the claim's time, the pre-roll included."""
    begin, end = clip_moments(clip)
    begins_before_the_end = claim.end is None or begin.seconds_until(claim.end) > 0
    return begins_before_the_end and claim.begin.seconds_until(end) > 0


def experiments_of(clip: Clip) -> set[UUID]:
    """The experiments whose window the clip overlaps."""
    near = Q(ended_at=None) | Q(ended_at__gte=clip.started_at - CLOCK_SLACK, held_from__lte=clip.ended_at + CLOCK_SLACK)
    if clip.boot:
        near |= Q(boot=clip.boot) | Q(ended_boot=clip.boot)
    claims = RecordingClaim.objects.of_experiments().filter(near, camera=clip.camera_id)
    return {claim.experiment_id for claim in claims if claim.experiment_id and overlaps(clip, claim)}


def pre_roll_clips(claim: RecordingClaim) -> Iterator[UUID]:
    """The clips with a row that show a part of the claim's time, which has just begun."""
    clips = Clip.objects.present().filter(camera=claim.camera_id)
    # Clips of a camera do not overlap: by the boot clock, the first one that ended too early is the last to look at.
    of_this_boot = clips.filter(boot=claim.boot).order_by("-boot_s")
    found = takewhile(lambda clip: overlaps(clip, claim), of_this_boot.iterator(chunk_size=20))
    yield from (clip.pk for clip in found)
    others = clips.exclude(boot=claim.boot).filter(ended_at__gt=claim.held_from)
    yield from (clip.pk for clip in others if overlaps(clip, claim))
