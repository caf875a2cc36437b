"""The lists `cameras`, `sensors` and `schedules`. `skycam config apply` brings the station to them; a start does not.

The services that store a camera, a sensor or a schedule validate the values that depend on its driver or its
programme."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from cameras.drivers import DRIVERS
from cameras.resource import CameraNew
from monitoring.sensor_management.resource import SensorRequest
from monitoring.sensors.kinds import driver_class
from scheduler.schedules.resource import ScheduleRequest
from skycam_project.config.entries import clock_text, entry_of
from skycam_project.config.keys import Section, key
from skycam_project.config.sections import SENSOR_TYPES, SensorConfig

CAMERA_ID = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
TYPES = {"dslr": "gphoto2", **{kind: kind for kind in DRIVERS}}
"""Type of a camera in the file -> kind of camera."""
TYPE_NAMES = ", ".join(TYPES)
CLOCK_KEYS = frozenset({"begin", "end"})


if TYPE_CHECKING:

    class CameraKeys(Section):
        id: str
        type: str
        address: str
        host: str
        primary: bool
else:
    CameraKeys = entry_of(CameraNew, "CameraKeys", "What the API has, too.", kinds=TYPES)


class CameraEntry(CameraKeys):
    """A camera. A key that is missing leaves an existing camera as it is."""

    recording: Literal["none", "rolling", "manual"] = key("none", "Kind of clips to record.", "none, rolling or manual")

    @field_validator("type", mode="before")
    @classmethod
    def is_known_type(cls, value: Any) -> Any:
        if value == "astro":
            raise ValueError(f"astro means an INDI camera, which Skycam does not support yet; allowed is {TYPE_NAMES}.")
        return value

    @field_validator("address")
    @classmethod
    def is_readable_address(cls, value: str) -> str:
        # Raises ValueError for brackets that are no IPv6 address: its passwords could not be hidden.
        urlsplit(value)
        return value

    @property
    def kind(self) -> str:
        """The driver's name."""
        return TYPES[self.type]


SensorItem: Any = entry_of(SensorRequest, "SensorItem", "", left_out=("kind", "host", "interval_s"))


class SensorEntry(SensorItem, SensorConfig):  # type: ignore[misc]
    """A sensor. A key that is missing leaves an existing sensor as it is."""

    type: str = key(..., "Kind of the sensor. It cannot be changed.", SENSOR_TYPES)
    host: str = key("", "Host that reads it.", "1 to 60 characters", unset="this host", min_length=1, max_length=60)

    @model_validator(mode="after")
    def settings_are_given_once(self) -> Self:
        if twice := sorted(self.settings.keys() & self.model_fields_set & {"port", "baud_rate"}):
            raise ValueError(f"{twice[0]} is given twice, as a key and in settings. Remove one of them.")
        return self


class ScheduleEntry(entry_of(ScheduleRequest, "ScheduleFields")):  # type: ignore[misc]
    """A schedule, as in the API. It is replaced as a whole: a key that is missing gets its default."""

    @field_validator("window")
    @classmethod
    def times_as_text(cls, window: dict[str, Any]) -> dict[str, Any]:
        return {name: clock_text(value) if name in CLOCK_KEYS else value for name, value in window.items()}


def check_cameras(cameras: list[CameraEntry]) -> list[CameraEntry]:
    """ValueError if two have the same id, or if several are primary."""
    check_unique("cameras", "id", [camera.id for camera in cameras])
    primary = [camera.id for camera in cameras if camera.primary]
    if len(primary) > 1:
        raise ValueError(f"{' and '.join(primary[:2])} are both primary; at most one camera is.")
    return cameras


def check_sensors(sensors: list[SensorEntry]) -> list[SensorEntry]:
    check_unique("sensors", "name", [sensor.name for sensor in sensors])
    return sensors


def check_schedules(schedules: list[ScheduleEntry]) -> list[ScheduleEntry]:
    check_unique("schedules", "name", [schedule.name.lower() for schedule in schedules])
    return schedules


def check_unique(what: str, key_name: str, values: Iterable[str]) -> None:
    seen: dict[str, int] = {}
    for number, value in enumerate(values, start=1):
        if value in seen:
            raise ValueError(
                f"items {seen[value]} and {number} of {what} have the same {key_name} {value!r}; give each its own."
            )
        seen[value] = number


def sensor_secrets_of(sensors: Iterable[SensorEntry]) -> list[str]:
    """The secret settings."""
    return [
        str(sensor.settings[name])
        for sensor in sensors
        for name in driver_class(sensor.type).settings_model.secret_fields()
        if sensor.settings.get(name)
    ]


def address_secrets_of(cameras: Iterable[CameraEntry]) -> list[str]:
    """Addresses that may contain a password."""
    return [camera.address for camera in cameras if re.search(r"://", camera.address)]
