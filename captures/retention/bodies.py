"""Deleted clips, as JSON."""

from __future__ import annotations

from typing import TypedDict

from django.utils import timezone

from captures.retention.results import Deleted
from core.times.timestamps import stamp


class DeletedBody(TypedDict):
    """A clip that was deleted, or would be. `why` is count, age, space or asked; `age_s` counts from the clip's end."""

    camera: str
    clip: str
    filename: str
    started: str
    age_s: float
    bytes: int
    why: str


def deleted_body(deleted: Deleted) -> DeletedBody:
    clip = deleted.clip
    return DeletedBody(
        camera=clip.camera.slug,
        clip=str(clip.pk),
        filename=clip.filename,
        started=stamp(clip.started_at),
        age_s=round((timezone.now() - clip.ended_at).total_seconds(), 1),
        bytes=clip.bytes,
        why=deleted.why,
    )
