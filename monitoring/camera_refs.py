"""Which camera an event or alert is about: by its id, which is never used again, and its slug, which may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class CameraRef(Protocol):
    """A row of a camera, or whatever else knows both names of it."""

    @property
    def id(self) -> UUID | str: ...

    @property
    def slug(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CameraName:
    id: str
    slug: str


def camera_columns(camera: CameraRef | None) -> dict[str, str]:
    """The columns of an event or alert; empty for what is about no camera."""
    if camera is None:
        return {"camera": "", "camera_uuid": ""}
    return {"camera": camera.slug, "camera_uuid": str(camera.id)}
