"""Word of a capture's outcome to the pages, once its row is safe."""

from __future__ import annotations

from typing import TypedDict

from django.db import transaction

from cameras.models import Camera
from cameras.notices import publish_notice
from captures.bodies import capture_url, thumbnail_url
from captures.models import Capture, CaptureFile

CAPTURES = "captures"


class LatestImage(TypedDict):
    id: str
    url: str
    thumbnail: str | None


class CaptureUpdate(TypedDict):
    """`status` and `temperature` are the camera's; `outcome` and `reason` the capture's, whose id is `capture`."""

    camera: str
    status: str
    temperature: float | None
    latest_image: LatestImage | None
    capture: str
    outcome: str
    reason: str


def tell_of(capture: Capture, slug: str, files: list[CaptureFile]) -> None:
    """After the commit; never delays or fails what was committed. Not of a camera that was removed: who may see its
    slug now may not have seen that camera."""
    observed, removed = Camera.objects.values_list("observed", "removed_at").get(pk=capture.camera_id)
    if removed is None:
        update = capture_update(capture, slug, observed, files)
        transaction.on_commit(lambda: publish_notice(CAPTURES, update), robust=True)


def capture_update(capture: Capture, slug: str, observed: str, files: list[CaptureFile]) -> CaptureUpdate:
    saved = capture.status == Capture.Status.SAVED
    return CaptureUpdate(
        camera=slug,
        status=observed,
        temperature=capture.temperature_celsius,
        latest_image=latest_image(capture, files) if saved else None,
        capture=str(capture.pk),
        outcome=capture.status,
        reason=capture.reason,
    )


def latest_image(capture: Capture, files: list[CaptureFile]) -> LatestImage:
    """`thumbnail` is null where no file of it is a picture."""
    url = f"{capture_url(capture.pk)}file/"
    return LatestImage(id=str(capture.pk), url=url, thumbnail=thumbnail_url(capture, files))
