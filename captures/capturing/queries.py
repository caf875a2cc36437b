"""Query parameters of requests about captures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from cameras.camera_filter import CameraFilter, Slug
from captures.capturing.models import CaptureStatus
from core.api.queries import Query, TimeQuery
from core.times.zones import zone_names

MAX_DAYS = 400  # each day is a query of its own: `counts_by_day`


class CaptureQuery(TimeQuery):
    camera: CameraFilter = None
    session: UUID | None = None
    experiment: UUID | None = None
    status: CaptureStatus | None = None
    simulated: bool | None = None


def _known_zone(name: str) -> str:
    # Not ZoneInfo(name): for a folder of the time zone database, such as Europe, it raises IsADirectoryError.
    if name not in zone_names():
        raise ValueError(f"{name!r} is not a time zone; write a name such as Europe/Berlin.")
    return name


class CalendarQuery(Query):
    """Days of the time zone `tz`, both ends inclusive; without `from`, the 31 days up to `to`."""

    camera: Slug | None = None
    status: CaptureStatus | None = None
    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None
    tz: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.tz)

    def days(self) -> tuple[date, date]:
        last = self.to or datetime.now(UTC).astimezone(self.zone).date()
        return self.from_ or last - timedelta(days=30), last

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        # Beyond these years, midnight in a time zone or the day after may be no datetime.
        if any(day and not 1970 <= day.year <= 9000 for day in (self.from_, self.to)):
            raise ValueError("Days are from 1970 to 9000.")
        first, last = self.days()
        if not timedelta(0) <= last - first < timedelta(days=MAX_DAYS):
            raise ValueError(f"`from` must not be after `to`, and at most {MAX_DAYS} days are counted at once.")
        return self
