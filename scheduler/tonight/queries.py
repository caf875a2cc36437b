"""The query of a night: a date or a place makes it a dry run."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from core.api.queries import Query
from core.times.zones import zone_names
from scheduler.planning.rules import FIRST, LAST, Site


class NightQuery(Query):
    night: Annotated[date | None, Field(ge=FIRST, le=LAST, description="the date of its evening")] = None
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    elevation: Annotated[float, Field(ge=-500, le=9000)] = 0.0
    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        if value not in zone_names():
            raise ValueError("is not a time zone. Write one such as Europe/Berlin.")
        return value

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude belong together: give both or neither.")
        return self

    @property
    def place(self) -> Site | None:
        """The place of a dry run; None for the sites of the cameras."""
        if self.latitude is None:
            return None
        return Site(self.latitude, self.longitude, self.elevation, self.time_zone)
