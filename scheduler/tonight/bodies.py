"""The query and the answer for a night: its sky, its runs, and why other schedules have none. A date or a place makes
the query a dry run."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from core.api.queries import Query
from core.resources.fields import Fields
from core.resources.values import Column, Share
from core.times.timestamps import Day, Stamp
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


Pair = tuple[Stamp, Stamp]


class SkyBody(Fields):
    """Times are null where the Sun or the Moon does not pass. `moon_phase` is the lit share of the disc at midnight."""

    sunset: Annotated[Stamp | None, Column("twilight.sunset")]
    civil_dusk: Annotated[Stamp | None, Column("twilight.civil_dusk")]
    nautical_dusk: Annotated[Stamp | None, Column("twilight.nautical_dusk")]
    astronomical_dusk: Annotated[Stamp | None, Column("twilight.astronomical_dusk")]
    astronomical_dawn: Annotated[Stamp | None, Column("twilight.astronomical_dawn")]
    nautical_dawn: Annotated[Stamp | None, Column("twilight.nautical_dawn")]
    civil_dawn: Annotated[Stamp | None, Column("twilight.civil_dawn")]
    sunrise: Annotated[Stamp | None, Column("twilight.sunrise")]
    moonrise: Stamp | None
    moonset: Stamp | None
    moon_phase: Share


class SiteBody(Fields):
    latitude: float | None
    longitude: float | None
    elevation: float
    time_zone: str


class RunBody(Fields):
    """`id` is null in a dry run. `state` is that of its session, `planned` before it begins. `bytes` is null while the
    size of a picture is unknown."""

    id: str | None
    schedule: str
    camera: Annotated[str, Column("camera.slug")]
    windows: list[Pair]
    exposures: str
    pictures: Annotated[int, Column("amount.pictures")]
    bytes: Annotated[int | None, Column("amount.bytes")]
    state: str


class RunReasonBody(Fields):
    schedule: str
    camera: Annotated[str, Column("camera.slug")]
    reason: str
    message: str


class RoomBody(Fields):
    """`needed_bytes`: of all runs of the night on the camera that are not over. Null: unknown."""

    camera: str
    needed_bytes: int | None
    free_bytes: int | None


class WarningBody(Fields):
    """Something that will prevent a run, as far as it can be seen now. `camera` is null for one of no single camera."""

    severity: Literal["error", "warning"]
    reason: str
    message: str
    camera: Annotated[str | None, Column("slug")]


class NightBody(Fields):
    night: Day
    begin: Stamp
    end: Stamp
    dry_run: bool
    sentence: str
    warnings: list[WarningBody]
    site: SiteBody
    twilight: Annotated[SkyBody | None, Column("sky")]
    runs: list[RunBody]
    without_run: list[RunReasonBody]
    shortened: list[RunReasonBody]
    room: list[RoomBody]
