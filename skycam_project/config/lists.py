"""The lists `cameras`, `sensors` and `schedules`. `skycam config apply` brings the station to them; a start does not.

The services that store a camera, a sensor or a schedule validate the values that depend on its driver or its
programme."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from cameras.drivers import DRIVERS
from cameras.runtime.file_formats import checked_keep
from monitoring.sensors.kinds import driver_class
from scheduler.schedules.resource import ScheduleRequest
from skycam_project.config.entries import clock_text, entry_of
from skycam_project.config.keys import NAME, YES_NO, Section, key
from skycam_project.config.sections import SENSOR_TYPES, SensorConfig

CAMERA_ID = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
TYPES = {"dslr": "gphoto2", **{kind: kind for kind in DRIVERS}}
"""Type of a camera in the file -> kind of camera."""
TYPE_NAMES = ", ".join(TYPES)
CLOCK_KEYS = frozenset({"begin", "end"})


class CameraEntry(Section):
    """A camera. A key that is missing leaves an existing camera as it is."""

    id: str = key(..., "Id of the camera, unique. It cannot be changed.", f"{NAME}, not `detect`", pattern=CAMERA_ID)
    type: str = key(..., "Kind of the camera; `dslr` is gphoto2. It cannot be changed.", TYPE_NAMES)
    name: str = key("", "Display name.", "1 to 80 characters", unset="the id", min_length=1, max_length=80)
    address: str = key(
        "", "Where the camera is: its serial number, port, device, file or URL. In the address of an existing camera, "
        "`***` keeps the stored password.", "an address of this type", secret=True, unset="the first camera found",
        max_length=500,
    )  # fmt: skip
    host: str = key(
        "", "Camera host that it is connected to.", "1 to 60 characters", unset="this host", min_length=1, max_length=60
    )
    enabled: bool = key(True, "Whether the camera is used.", YES_NO)
    primary: bool = key(False, "Whether it is the primary camera; at most one is.", YES_NO, unset="the first camera is")
    restricted: bool = key(False, "Whether only managers and the audience may see it.", YES_NO)
    audience: list[str] = key([], "Who may see it besides managers while it is restricted.", "a list of user names")
    recording: Literal["none", "rolling", "manual"] = key("none", "Kind of clips to record.", "none, rolling or manual")
    settings: dict[str, Any] = key(
        {}, "All settings of the camera; those that are missing are left to it.", "a mapping of the type's settings",
        unset="the camera's own",
    )  # fmt: skip

    keep: list[str] = key(
        ["jpeg"],
        "Formats of the files that Skycam makes of a still, the primary file first.",
        "a list of jpeg, png, tiff, fits",
    )
    fits_compression: Literal["none", "rice"] = key("none", "Compression of FITS files.", "none or rice")

    @field_validator("id")
    @classmethod
    def is_no_route(cls, value: str) -> str:
        if value == "detect":
            raise ValueError("a camera cannot be called detect: that is a route of the API.")
        return value

    @field_validator("type", mode="before")
    @classmethod
    def is_known_type(cls, value: Any) -> Any:
        if value == "astro":
            raise ValueError(f"astro means an INDI camera, which Skycam does not support yet; allowed is {TYPE_NAMES}.")
        if not isinstance(value, str) or value not in TYPES:
            raise ValueError
        return value

    @field_validator("keep")
    @classmethod
    def is_known_format(cls, value: list[str]) -> list[str]:
        return checked_keep(value)

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


class SensorEntry(SensorConfig):
    """A sensor. A key that is missing leaves an existing sensor as it is."""

    name: str = key(
        ...,
        "Name of the sensor, unique. It cannot be changed.",
        f"{NAME}, not `add`, `detect`, `now` or `test`",
        pattern=CAMERA_ID,
    )
    type: str = key(..., "Kind of the sensor. It cannot be changed.", SENSOR_TYPES)
    label: str = key("", "Display name.", "at most 80 characters", unset="the name", max_length=80)
    host: str = key("", "Host that reads it.", "1 to 60 characters", unset="this host", min_length=1, max_length=60)
    enabled: bool = key(True, "Whether it is read.", YES_NO)
    settings: dict[str, Any] = key(
        {}, "The other settings of the kind (docs/operating/sensors.md); those that are missing get their defaults. "
        "A secret that is missing stays; write it as `${VARIABLE}`.", "a mapping of the kind's settings", secret=True,
    )  # fmt: skip

    @field_validator("name")
    @classmethod
    def is_no_route(cls, value: str) -> str:
        if value in ("add", "detect", "now", "test"):
            raise ValueError(f"a sensor cannot be called {value}: that is a route of the station.")
        return value

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
