"""The answers about usage. Django-free."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.resources.fields import Fields
from core.resources.values import Id
from core.times.moments import Stamp


class UsageBody(Fields):
    """Files of a class. `camera` is null for files that belong to none, and for those of cameras that the user may not
    see, which `other_cameras` adds up. `root` is null for logs."""

    day: str
    host: str
    root: str | None
    class_: Annotated[str, Field(alias="class")]
    camera: str | None
    other_cameras: bool
    files: int
    bytes: int


class SpaceForecastBody(Fields):
    """Null: unknown, or the disk does not fill up."""

    days_left: float | None
    bytes_per_day: int | None
    sentence: str


class RootUsageBody(Fields):
    """A storage root as last measured; null before that. `classes` are those whose new files go there."""

    id: Id
    host: str
    path: str
    classes: list[str]
    measured: Stamp | None
    free_bytes: int | None
    total_bytes: int | None
    forecast: SpaceForecastBody
    usage: list[UsageBody]


class StorageBody(Fields):
    results: list[RootUsageBody]


class UsagePage(Fields):
    results: list[UsageBody]
