"""Which camera an event or alert is about: by its id, which is never reused, and its slug, which may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class CameraRef(Protocol):
    """A camera's row, or anything else with its id and slug."""

    @property
    def id(self) -> UUID | str: ...

    @property
    def slug(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CameraName:
    id: str
    slug: str


def camera_columns(camera: CameraRef | None) -> dict[str, str]:
    """The columns of an event or alert; empty strings without a camera."""
    if camera is None:
        return {"camera": "", "camera_uuid": ""}
    return {"camera": camera.slug, "camera_uuid": str(camera.id)}
