"""Deleted clips, as JSON."""

from __future__ import annotations

from typing import Annotated

from core.resources.fields import Fields
from core.resources.values import Column, Id
from core.times.moments import Stamp


class DeletedBody(Fields):
    """A clip that was deleted, or would be. `why` is count, age, space or asked; `age_s` counts from the clip's end."""

    camera: Annotated[str, Column("clip.camera.slug")]
    clip: Annotated[Id, Column("clip.pk")]
    filename: Annotated[str, Column("clip.filename")]
    started: Annotated[Stamp, Column("clip.started_at")]
    age_s: float
    bytes: Annotated[int, Column("clip.bytes")]
    why: str
