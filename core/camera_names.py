"""A camera by its id, which is never reused, and its slug, which may be. Django-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from uuid import UUID

# `\Z` and not `$`, which also matches before a line break at the end.
SLUG = r"\A[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z"
SLUG_RULE = (
    "A camera's id is 1 to 40 lower-case letters, digits and hyphens, and begins and ends with a letter or digit."
)


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
