"""A judged value on its way to the database, the broker, the metrics and the rules. Django-free."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypedDict

Quality = Literal["ok", "stale", "implausible", "missing"]


class JudgedReading(NamedTuple):
    """`value` is None if the channel is missing, or if what came was no number."""

    sensor: str
    """The sensor's UUID."""
    name: str
    """The sensor's name."""
    channel: str
    quantity: str
    label: str
    at_ms: int
    value: float | None
    quality: Quality


class ChannelReading(TypedDict):
    """The newest reading of a channel. `value` is None while it is missing."""

    channel: str
    quantity: str
    label: str
    main: bool
    """Whether it is the temperature of the site."""
    value: float | None
    quality: Quality
    at: str | None
    """When the last value arrived, also while it is missing; None if none has since the start."""


class SensorState(TypedDict):
    """What the host says of a sensor. `state` is `starting` until the first reading, `error` while it cannot be read,
    `missing` if it says nothing, else `ok`. `message` says why."""

    sensor: str
    kind: str
    host: str
    interval_s: float
    state: str
    message: str
    since: str
    channels: list[ChannelReading]
