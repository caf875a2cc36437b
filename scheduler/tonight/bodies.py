"""A night as JSON: its sky, its runs, and why other schedules have none."""

from __future__ import annotations

from typing import Literal, TypedDict


class SkyBody(TypedDict):
    """Times are null where the Sun or the Moon does not pass. `moon_phase` is the lit share of the disc at midnight."""

    sunset: str | None
    civil_dusk: str | None
    nautical_dusk: str | None
    astronomical_dusk: str | None
    astronomical_dawn: str | None
    nautical_dawn: str | None
    civil_dawn: str | None
    sunrise: str | None
    moonrise: str | None
    moonset: str | None
    moon_phase: float


class SiteBody(TypedDict):
    latitude: float | None
    longitude: float | None
    elevation: float
    time_zone: str


class RunBody(TypedDict):
    """`id` is null in a dry run. `state` is that of its session, `planned` before it begins. `bytes` is null while the
    size of a picture is unknown."""

    id: str | None
    schedule: str
    camera: str
    windows: list[list[str]]
    exposures: str
    pictures: int
    bytes: int | None
    state: str


class ReasonBody(TypedDict):
    schedule: str
    camera: str
    reason: str
    message: str


class RoomBody(TypedDict):
    """`needed_bytes`: of all runs of the night on the camera that are not over. Null: unknown."""

    camera: str
    needed_bytes: int | None
    free_bytes: int | None


class WarningBody(TypedDict):
    """Something that will prevent a run, as far as it can be seen now. `camera` is null for one of no single camera."""

    severity: Literal["error", "warning"]
    reason: str
    message: str
    camera: str | None


class NightBody(TypedDict):
    night: str
    begin: str
    end: str
    dry_run: bool
    sentence: str
    warnings: list[WarningBody]
    site: SiteBody
    twilight: SkyBody | None
    runs: list[RunBody]
    without_run: list[ReasonBody]
    shortened: list[ReasonBody]
    room: list[RoomBody]
