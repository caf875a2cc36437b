"""Which cameras a row is about: by their ids, which are never reused, and by the slug of the first, which may be.

The rows outlive their cameras, so they have no foreign keys. A user sees a row who may see all of its cameras.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

from django.db import models
from django.db.models import Q, QuerySet

from core.camera_names import CameraName, CameraRef

Cameras = CameraRef | Sequence[CameraRef] | None
"""What a row is about: one camera, several, or none, which concerns all users. It has no default: who records
something says whom it concerns."""


class AboutCameras(models.Model):
    """The columns. `camera` is the slug of the first, and `camera_uuid` its id."""

    camera = models.CharField(max_length=60, blank=True, help_text="Its slug, which another camera may have later.")
    camera_uuid = models.CharField(max_length=36, blank=True, help_text="Decides who may see the row.")
    more_cameras = models.TextField(
        blank=True, default="", help_text="Ids of its other cameras, between commas: they decide, too."
    )

    class Meta:
        abstract = True

    @property
    def camera_refs(self) -> tuple[CameraName, ...]:
        """Of the others without their slugs."""
        first = [CameraName(self.camera_uuid, self.camera)] if self.camera or self.camera_uuid else []
        return (*first, *(CameraName(one, "") for one in self.more_cameras.split(",") if one))

    @property
    def camera_ids(self) -> list[str]:
        return [one.id for one in self.camera_refs if one.id]


Row = TypeVar("Row", bound=AboutCameras)


def camera_columns(cameras: Cameras) -> dict[str, str]:
    """Their columns; empty strings without a camera."""
    first, *others = listed(cameras) or [CameraName("", "")]
    more = ",".join(str(one.id) for one in others)
    return {"camera": first.slug, "camera_uuid": str(first.id), "more_cameras": more}


def listed(cameras: Cameras) -> list[CameraRef]:
    if cameras is None:
        return []
    return list(cameras) if isinstance(cameras, Sequence) else [cameras]


def without_cameras(rows: QuerySet[Row], hidden: Collection[CameraRef]) -> QuerySet[Row]:
    """The rows that are about none of these cameras."""
    if not hidden:
        return rows
    # By id: another camera may have the slug of a removed one that is hidden.
    ids = [str(camera.id) for camera in hidden]
    among_others = Q()
    for one in ids:
        among_others |= Q(more_cameras__contains=one)
    return rows.exclude(Q(camera_uuid__in=ids) | (~Q(more_cameras="") & among_others))
