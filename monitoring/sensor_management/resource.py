"""Sensors as a resource, with their channels, and what a search or a test of them gives."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from core.readings.reading import QUANTITIES
from core.resources.fields import Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Column, Option, Text
from core.times.timestamps import Stamp

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
ROUTES = frozenset({"add", "detect", "now", "test"})
"""Names that are routes of the API or pages."""
LONGEST_INTERVAL_S = 86_400.0
LARGEST = 1e12


def check_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(
            "A name has 1 to 40 lower-case letters, digits and hyphens; a hyphen is neither first nor last."
        )
    if name in ROUTES:
        raise ValueError(f"A sensor cannot be called {name}: that is a route of the station.")
    return name


Name = Annotated[str, AfterValidator(check_name), Field(max_length=300)]
Kind = Annotated[str, Field(max_length=40, title="Kind", description="Kind of the sensor. It cannot be changed.")]
Label = Annotated[Text, Field(max_length=80)]
Host = Annotated[
    Annotated[Text, Field(min_length=1, max_length=60)] | None, Field(title="Host", description="Host that reads it.")
]
Interval = Annotated[Annotated[float, Field(gt=0, le=LONGEST_INTERVAL_S)] | None, Option("--interval")]
Limit = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Settings = Annotated[dict[Annotated[str, Field(max_length=60)], Any], Field(max_length=60)]

LABEL: dict[str, Any] = {"title": "Display name", "help": "Display name on all pages; empty: the name."}
INTERVAL: dict[str, Any] = {
    "title": "Interval", "help": "Seconds between two readings.", "allowed": "a number above 0, at most 86400",
}  # fmt: skip
SETTINGS: dict[str, Any] = {"title": "Settings", "help": "Those of the kind (docs/operating/sensors.md)."}
ENABLED: dict[str, Any] = {"title": "On", "help": "While it is off it is not read."}
LIMIT: dict[str, Any] = {"allowed": "a number, or nothing for no limit"}


class SensorTestRequest(Fields):
    """Settings to try. `host` is this one if it is missing."""

    kind: Kind
    host: Host = None
    settings: Settings = field({}, **SETTINGS)


class SensorRequest(Fields):
    """A new sensor. Without a host it is this one's; without an interval it gets 2 s, or the shortest one of its
    kind."""

    kind: Kind
    name: Name = field(
        title="Name", help="Unique: lower-case letters, digits and hyphens. It cannot be changed.",
        allowed="a name of 1 to 40 lower-case letters, digits and hyphens, not add, detect, now or test",
    )  # fmt: skip
    label: Label = field("", **LABEL)
    host: Host = None
    enabled: bool = field(True, **ENABLED)
    interval_s: Interval = field(None, **INTERVAL)
    settings: Settings = field(
        {}, title="Settings", help="Those of the kind (docs/operating/sensors.md); those that are missing get their "
        "defaults. A secret that is missing stays.",
    )  # fmt: skip


class SensorChange(Fields):
    """Only the fields that are given change; so it is with the settings. null gives a setting its default, and ***
    keeps a secret."""

    label: Label | None = field("", **LABEL)
    host: Host = None
    enabled: Annotated[bool | None, Option("--enabled/--disabled")] = field(None, **ENABLED)
    interval_s: Interval = field(None, **INTERVAL)
    settings: Settings | None = field(None, **SETTINGS)


class StoredTestRequest(Fields):
    """Changed settings to try with a stored sensor."""

    settings: Settings = field({}, **SETTINGS)


class ChannelChange(Fields):
    """Only the fields that are given change. null removes a limit."""

    label: Label = field("", title="Display name")
    lowest: Limit | None = field(None, title="Lower limit", help="Lower values are marked as implausible.", **LIMIT)
    highest: Limit | None = field(None, title="Upper limit", help="Higher values are marked as implausible.", **LIMIT)
    offset: Limit = field(
        0.0, title="Offset",
        help="Added to each value from now on: what a reference shows minus what the sensor shows.",
    )  # fmt: skip
    main: bool = field(False, title="The temperature of the site")
    hidden: bool = field(False, title="Leave it out of the dashboard")


class ChannelBody(Fields):
    """`value` is null while the quality is missing, or if the sensor gave no number."""

    id: Annotated[int, Column("pk")]
    key: str
    label: Annotated[str, Column("display_name")]
    quantity: str
    unit: Annotated[str, Column("unit.unit")]
    value: float | None
    quality: str
    at: Stamp | None
    age_s: float | None
    main: bool
    hidden: bool
    lowest: float | None
    highest: float | None
    offset: float

    def __str__(self) -> str:
        return f"{self.label} {self.value_text}"

    @property
    def value_text(self) -> str:
        """`21.4 °C`, `missing`, or `21.4 °C (stale, 90 s old)`."""
        if self.value is None:
            return self.quality
        text = f"{self.value:.{QUANTITIES[self.quantity].digits}f} {self.unit}".strip()
        if self.quality == "stale":
            return f"{text} (stale, {self.age_s:.0f} s old)"
        return text if self.quality == "ok" else f"{text} ({self.quality})"


class SensorBody(SensorRequest):
    """A sensor without its secrets, with what its host says of it."""

    name: str
    host: str
    interval_s: float
    settings: Annotated[dict[str, Any], Column("settings_shown")]
    state: str
    message: str
    since: Stamp | None
    at: Stamp | None
    channels: list[ChannelBody]


class FoundBody(Fields):
    """`sensor` is the name under which the device is already added; `suggested` a free name for it, empty where it is
    already added."""

    host: str
    kind: str
    label: str
    settings: dict[str, Any]
    note: str
    sensor: str | None
    suggested: str


class DetectionProblem(Fields):
    """A host that did not answer (`kind` is empty), or a kind whose search failed there."""

    host: str
    kind: str
    message: str


class DetectionBody(Fields):
    hosts: list[str]
    results: list[FoundBody]
    problems: list[DetectionProblem]


class SampleBody(Fields):
    channel: str
    quantity: str
    value: float | None
    label: str
    age_s: float
    is_valid: bool


class TestBody(Fields):
    """What the driver gave, opened once. `message` says why it gave nothing."""

    ok: bool
    message: str
    samples: list[SampleBody]
    took_s: float


SENSORS = Resource(
    name="sensors",
    noun="sensor",
    path="sensors/",
    package="monitoring.sensor_management",
    rows="selectors.sensors_for",
    row="selectors.sensor_for",
    prepare="selectors.with_status",
    answer=SensorBody,
    key="name",
    operations=(
        Operation("list", "viewer", "List the sensors with the newest values of their channels."),
        Operation("show", "viewer", "Show the sensor with the newest values of its channels."),
        Operation(
            "add", "manager", "Add a sensor. Its channels come with its first readings.", "services.add_sensor",
            SensorRequest, "The sensor {name} was added on {host}. Its values come with the first reading.",
            keyless="It may have a secret, of which no digest is stored.", arguments=("name", "kind"),
            example="sensors add balcony digitemp --set port=/dev/ttyUSB0",
        ),
        Operation(
            "change", "manager", "Change the sensor. Only the fields and settings that are given change; a secret that "
            "is given as `***` stays, too.", "services.change_sensor", SensorChange,
            example="sensors change balcony --interval 10",
        ),
        Operation(
            "test", "manager", "Open the driver once with the settings of the sensor, or with changes of them.",
            "detection.try_sensor", StoredTestRequest, command=None, answer=TestBody,
            keyless="A repetition tests again.",
        ),
        Operation("remove", "manager", "Remove the sensor with all its readings.", "services.remove_sensor"),
    ),
    kinds="monitoring.sensors.driver.SENSORS",
    commands="sensors",
    columns=("name", "kind", "host", "state", ("values", "channels"), "message"),
    empty="No sensors. `skycam sensors detect` searches for some.",
)  # fmt: skip
