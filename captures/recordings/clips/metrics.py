"""Prometheus metrics of recordings, for the cameras that a user may see, on any host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from cameras.selectors import cameras_for
from cameras.status.status import read_fields
from captures.recordings.clips.models import Clip
from core.broker.broker import BrokerDown

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


def recordings(user: Any) -> Iterator[Metric]:
    """Metrics from the broker are left out while it does not answer."""
    desired = dict(cameras_for(user).order_by("slug").values_list("slug", "recording"))
    yield _by_camera(
        # The name is older than the term `desired`, and dashboards rely on it.
        "skycam_recording_wished", "Whether the camera should be recording.",
        {slug: bool(recording) for slug, recording in desired.items()},
    )  # fmt: skip
    yield _clips(user)
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


def _clips(user: Any) -> Metric:
    family = GaugeMetricFamily("skycam_clips", "Clips in the archive.", labels=["camera", "kind"])
    seen = Clip.objects.present().filter(camera__in=cameras_for(user)).order_by()
    for slug, kind, clips in seen.values_list("camera__slug", "kind").annotate(clips=Count("id")):
        family.add_metric([slug, kind], clips)
    return family
