"""Sensors, channels, found devices and tests as JSON, for API and command line."""

from __future__ import annotations

from typing import Any, TypedDict

from core.times.timestamps import stamp_or_none
from monitoring.models import Sensor
from monitoring.sensor_management.driver_settings import shown_settings
from monitoring.sensor_management.selectors import ChannelStatus, SensorStatus
from monitoring.sensors.messages import SampleMessage

API = "/api/v1/sensors/"


class ChannelBody(TypedDict):
    """`value` is null while the quality is missing, or if the sensor gave no number."""

    id: int
    key: str
    label: str
    quantity: str
    unit: str
    value: float | None
    quality: str
    at: str | None
    age_s: float | None
    main: bool
    hidden: bool
    lowest: float | None
    highest: float | None
    offset: float


class SensorBody(TypedDict):
    name: str
    label: str
    kind: str
    host: str
    enabled: bool
    interval_s: float
    settings: dict[str, Any]
    state: str
    message: str
    since: str | None
    at: str | None
    channels: list[ChannelBody]


class FoundBody(TypedDict):
    """`sensor` is the name under which the device is already added; `suggested` a free name for it, empty where it is
    already added."""

    host: str
    kind: str
    label: str
    settings: dict[str, Any]
    note: str
    sensor: str | None
    suggested: str


class DetectionProblem(TypedDict):
    """A host that did not answer (`kind` is empty), or a kind whose search failed there."""

    host: str
    kind: str
    message: str


class DetectionBody(TypedDict):
    hosts: list[str]
    results: list[FoundBody]
    problems: list[DetectionProblem]


class TestBody(TypedDict):
    """What the driver gave, opened once. `message` says why it gave nothing."""

    ok: bool
    message: str
    samples: list[SampleMessage]
    took_s: float


def sensor_url(sensor: Sensor) -> str:
    return f"{API}{sensor.name}/"


def sensor_body(status: SensorStatus) -> SensorBody:
    """Without its secrets."""
    sensor = status.sensor
    return SensorBody(
        name=sensor.name,
        label=sensor.label,
        kind=sensor.kind,
        host=sensor.host,
        enabled=sensor.enabled,
        interval_s=sensor.interval_s,
        settings=shown_settings(sensor),
        state=status.state,
        message=status.message,
        since=stamp_or_none(status.since),
        at=stamp_or_none(status.at),
        channels=[channel_body(one) for one in status.channels],
    )


def channel_body(status: ChannelStatus) -> ChannelBody:
    channel, age_s = status.channel, status.age_s
    return ChannelBody(
        id=channel.pk,
        key=channel.key,
        label=channel.display_name,
        quantity=channel.quantity,
        unit=channel.unit.unit,
        value=status.value,
        quality=status.quality,
        at=stamp_or_none(status.at),
        age_s=None if age_s is None else round(age_s, 3),
        main=channel.main,
        hidden=channel.hidden,
        lowest=channel.lowest,
        highest=channel.highest,
        offset=channel.offset,
    )
