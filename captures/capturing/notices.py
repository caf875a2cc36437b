"""Publishes a capture's outcome to the pages when its row is committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from django.db import transaction
from django.db.models import UUIDField

from cameras.models import Camera
from captures.capturing.models import Capture, CaptureFile
from core.broker.notices import NoticeKind, publish_notice
from core.prepared_query import Parameter, PreparedQuery


class LatestImage(TypedDict):
    id: str
    url: str
    thumbnail: str | None


class CaptureNotice(TypedDict):
    """Of a capture: `status` and `camera_temperature` are the camera's; `outcome` and `reason` are those of the capture
    with the id `capture`."""

    camera: str
    status: str
    camera_temperature: float | None
    latest_image: LatestImage | None
    capture: str
    outcome: str
    reason: str


class CaptureUpdate(TypedDict):
    """What a socket gets: a notice with the `temperature` of the site's main sensor, or that of the camera at a station
    without one. Of a reading: `latest_image` is the newest saved picture, with its camera and that camera's `status`,
    and what only a capture has is left out."""

    camera: str
    status: str
    temperature: float | None
    latest_image: LatestImage | None
    camera_temperature: NotRequired[float | None]
    capture: NotRequired[str]
    outcome: NotRequired[str]
    reason: NotRequired[str]


CAPTURES: NoticeKind[CaptureNotice] = NoticeKind("captures")
CAMERAS = PreparedQuery(
    lambda: Camera.objects.only("observed", "removed_at").filter(pk=Parameter("camera", UUIDField()))
)


def publish_captures(captures: Sequence[tuple[Capture, str, Sequence[CaptureFile]]]) -> None:
    """Publish each capture, with its camera's slug and its files, after the commit; a failure does not affect the
    commit."""
    # The cameras' rows, too, are read after the commit: the caller of a capture has been answered by then.
    transaction.on_commit(lambda: _publish_present(captures), robust=True)


def _publish_present(captures: Sequence[tuple[Capture, str, Sequence[CaptureFile]]]) -> None:
    """Publish, but nothing for a removed camera: another camera may have its slug, with another audience."""
    cameras = {camera: CAMERAS.first(camera=camera) for camera in {capture.camera_id for capture, *_ in captures}}
    for capture, slug, files in captures:
        camera = cameras[capture.camera_id]
        if camera is not None and camera.removed_at is None:
            publish_notice(CAPTURES, capture_notice(capture, slug, camera.observed, files))


def capture_notice(capture: Capture, slug: str, observed: str, files: Sequence[CaptureFile]) -> CaptureNotice:
    saved = capture.status == Capture.Status.SAVED
    return CaptureNotice(
        camera=slug,
        status=observed,
        camera_temperature=capture.temperature_celsius,
        latest_image=latest_image(capture, files) if saved else None,
        capture=str(capture.pk),
        outcome=capture.status,
        reason=capture.reason,
    )


def latest_image(capture: Capture, files: Sequence[CaptureFile]) -> LatestImage | None:
    """None when the station holds no file of it. `thumbnail` is null when none of its files can be rendered."""
    if not files:
        return None
    return LatestImage(id=str(capture.pk), url=f"{capture.url}file/", thumbnail=capture.thumbnail_of(files))
