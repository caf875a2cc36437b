"""A camera by its id, which is never reused, and its slug, which may be. Django-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from uuid import UUID


@runtime_checkable
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
