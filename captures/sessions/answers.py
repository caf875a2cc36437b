"""Sessions as JSON, and the forecast of one. Django-free."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainSerializer

from core.resources.fields import Fields, Rows, field
from core.resources.values import Column, Id
from core.times.timestamps import Stamp

Thousandths = Annotated[float, PlainSerializer(lambda value: round(value, 3), return_type=float)]


class SessionGapBody(Fields):
    """Captures that were missed in an outage."""

    from_: Annotated[Stamp, Column("from_at")] = field(alias="from")
    to: Annotated[Stamp, Column("to_at")]
    first_index: int
    count: int
    reason: str
    message: str


class SessionBody(Fields):
    """`schedule`: the name of the schedule whose run it is."""

    id: Id
    camera: Annotated[str, Column("camera.slug")]
    name: str
    state: str
    desired: str
    reason: str
    message: str
    programme: dict[str, Any]
    actual: dict[str, Any]
    warnings: list[str]
    created_by: str
    schedule: Annotated[str | None, Column("schedule_name")]
    handed_to: str
    created: Annotated[Stamp, Column("created_at")]
    started: Annotated[Stamp | None, Column("started_at")]
    ended: Annotated[Stamp | None, Column("ended_at")]
    planned: int
    saved: int
    failed: int
    skipped: int
    exposure_total_s: float
    gaps: list[SessionGapBody]
    next: Annotated[Stamp | None, Column("next_at")]


class SessionPage(Rows):
    results: list[SessionBody]


class ForecastBody(Fields):
    """`pictures`, `bytes` and `ends` are null for a session without an end; unknown figures are null."""

    sentence: str
    warnings: list[str]
    exposure_us: int
    exposures_us: list[int]
    interval_s: Thousandths
    pictures: int | None
    pictures_per_hour: Thousandths
    bytes_per_picture: int | None
    bytes_per_hour: int | None
    bytes: int | None
    ends: Stamp | None
    free_bytes: int | None
    full_in_s: float | None


class StartedBody(SessionBody):
    """A started session and its forecast."""

    forecast: ForecastBody
