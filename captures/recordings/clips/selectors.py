"""The clips that a user can see, and those that show a moment. Clips that are being deleted are left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from cameras.models import Camera
from cameras.selectors import visible_to
from captures.recordings.clips.models import Clip
from core.station_settings import camera_config

LATE = timedelta(minutes=1)
"""How long after its end a clip may still be without a row."""


def clips_for(user: Any) -> QuerySet[Clip]:
    """The clips that the user can see, with camera, root and holds, in a constant number of queries."""
    return visible_to(Clip.objects.present().select_related("camera", "root").prefetch_related("holds"), user)


def overlapping(clips: QuerySet[Clip], begin: datetime | None, end: datetime | None) -> QuerySet[Clip]:
    """Clips that show a part of the time from `begin` to before `end`."""
    if end is not None:
        clips = clips.filter(started_at__lt=end)
    if begin is not None:
        # The second condition changes no result. It bounds the search in the index by `started_at`, which would
        # otherwise go through all earlier clips.
        clips = clips.filter(ended_at__gt=begin, started_at__gte=earliest_start(begin))
    return clips


def earliest_start(moment: datetime) -> datetime:
    """No clip that began before this reaches beyond `moment`, so a search need not go back further."""
    # Clips of a camera do not overlap, so the first that ends after the moment is also the first that began. Also clips
    # that are being deleted: an earlier start does no harm, and the index has them.
    open_then = Clip.objects.filter(camera=OuterRef("pk"), ended_at__gt=moment).order_by("ended_at")
    starts = Camera.objects.annotate(start=Subquery(open_then.values("started_at")[:1])).exclude(start=None)
    found: list[datetime] = list(starts.values_list("start", flat=True))
    return min([moment, *found])


def known_until(cameras: Sequence[UUID]) -> datetime:
    """Until when all clips of a camera have rows: while it records, the newest clip has none yet."""
    now = timezone.now()
    if not Camera.objects.filter(pk__in=cameras).exclude(recording="").exists():
        return now
    return now - timedelta(seconds=camera_config().clip_s) - LATE


def at_moment(clips: QuerySet[Clip], cameras: Sequence[UUID], moment: datetime) -> Clip | None:
    """The clip that shows the moment, else the first that begins after it."""
    later = clips.filter(camera_id__in=cameras, ended_at__gt=moment)
    return later.order_by("ended_at", "id").first()


def showing(clips: QuerySet[Clip], cameras: Sequence[UUID], moment: datetime) -> list[Clip]:
    """The clips that show the moment: at most one per camera, in the order of `cameras`."""
    # A query per camera, each one step in an index; one for all would sort all later clips.
    found = [at_moment(clips, [camera], moment) for camera in cameras]
    return [clip for clip in found if clip is not None and clip.started_at <= moment]


def first_after(clips: QuerySet[Clip], cameras: Sequence[UUID], moment: datetime) -> Clip | None:
    """The first clip that begins then or later."""
    later = clips.filter(camera_id__in=cameras, started_at__gte=moment)
    return later.order_by("started_at", "id").first()


def last_before(clips: QuerySet[Clip], cameras: Sequence[UUID], moment: datetime) -> Clip | None:
    """The last clip that ended by then."""
    return clips.filter(camera_id__in=cameras, ended_at__lte=moment).order_by("-ended_at", "-id").first()
