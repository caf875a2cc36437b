"""The clips that a user can see, and those that show a moment; and the metrics of recordings. Clips that are being
deleted are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from cameras.models import Camera
from cameras.selectors import cameras_for, visible_to
from cameras.status.status import read_fields
from captures.recordings.clips.models import Clip
from core.broker.broker import BrokerDown
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


OF_CLIP = {
    "skycam_recording_frames": ("frames", "Frames in the open clip."),
    "skycam_recording_bytes": ("bytes", "Bytes of the open clip."),
    "skycam_recording_lost_frames": ("lost_frames", "Frames lost since the recording began."),
    "skycam_recording_holes": ("holes", "Times without a frame since the recording began, longer than two intervals."),
    "skycam_recording_expected_frames_per_second": ("expected_fps", "Frames per second that the camera is set to."),
    "skycam_recording_frames_per_second": ("actual_fps", "Frames per second of the last minute of the recording."),
    "skycam_recording_floor_seconds": ("floor_s", "Seconds until the disk is at the floor at the current rate."),
}
"""Metric -> the field of the recorder, and what it means."""


def recording_metrics(user: Any) -> Iterator[Metric]:
    """Metrics from the broker are left out while it does not answer."""
    desired = dict(cameras_for(user).order_by("slug").values_list("slug", "recording"))
    yield _by_camera(
        # The name is older than the term `desired`, and dashboards rely on it.
        "skycam_recording_wished", "Whether the camera should be recording.",
        {slug: bool(recording) for slug, recording in desired.items()},
    )  # fmt: skip
    yield _number_of_clips(user)
    try:
        # No value instead of 0 where the host does not answer: its cameras may well be recording.
        found = read_fields(desired, ("recording", "recorder"))
    except BrokerDown:
        return
    recording = {slug: one["recording"] for slug, one in found.items()}
    yield _by_camera("skycam_recording", "Whether a clip of the camera is being written.", recording)
    recorders = {slug: one["recorder"] for slug, one in found.items() if one["recorder"]}
    for name, (field, meaning) in OF_CLIP.items():
        yield _by_camera(name, meaning, {slug: recorder.get(field) for slug, recorder in recorders.items()})


def _by_camera(name: str, meaning: str, values: dict[str, Any]) -> Metric:
    """A camera without a known value is left out."""
    family = GaugeMetricFamily(name, meaning, labels=["camera"])
    for slug, value in values.items():
        if value is not None:
            family.add_metric([slug], value)
    return family


def _number_of_clips(user: Any) -> Metric:
    family = GaugeMetricFamily("skycam_clips", "Clips in the archive.", labels=["camera", "kind"])
    seen = Clip.objects.present().filter(camera__in=cameras_for(user)).order_by()
    for slug, kind, clips in seen.values_list("camera__slug", "kind").annotate(clips=Count("id")):
        family.add_metric([slug, kind], clips)
    return family
