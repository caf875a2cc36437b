"""Sensors with what their hosts say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core.broker.broker import BrokerDown
from monitoring.models import Sensor, SensorChannel
from monitoring.sensor_host.latest import read_latest
from monitoring.sensors.reading import ChannelReading, SensorState

JUST_ADDED = timedelta(seconds=10)
"""A host looks for new sensors each 2 s."""


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel and its newest reading. `value` is None while it is missing, never its last one."""

    channel: SensorChannel
    value: float | None
    quality: str
    at: datetime | None
    """When the last value came, also while it is missing."""

    @property
    def age_s(self) -> float | None:
        return None if self.at is None else max(0.0, (timezone.now() - self.at).total_seconds())

    @property
    def value_text(self) -> str:
        """With its unit, such as `21.4 °C`; empty while it is missing."""
        if self.value is None:
            return ""
        unit = self.channel.unit
        return f"{self.value:,.{unit.digits}f} {unit.unit}".strip().replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True, slots=True)
class SensorStatus:
    """`state` is off, starting, ok, error or missing; `message` says why."""

    sensor: Sensor
    state: str
    message: str
    since: datetime | None
    channels: list[ChannelStatus]

    @property
    def at(self) -> datetime | None:
        """When the newest value came."""
        return max((one.at for one in self.channels if one.at is not None), default=None)


@dataclass(frozen=True, slots=True)
class LatestStates:
    """What the hosts say. `trouble` is a sentence while the broker does not answer."""

    states: Mapping[str, SensorState]
    trouble: str = ""


def sensors_for(user: Any) -> QuerySet[Sensor]:
    """Every viewer may see the sensors of the station."""
    if not user.is_authenticated or not user.may("viewer"):
        return Sensor.objects.none()
    return Sensor.objects.filter(removed_at=None)


def sensor_for(user: Any, name: str) -> Sensor:
    """Sensor.DoesNotExist."""
    return sensors_for(user).get(name=name)


def statuses_of(sensors: QuerySet[Sensor]) -> list[SensorStatus]:
    """In two queries and two requests to the broker, for any number of sensors."""
    channels = SensorChannel.objects.order_by("quantity", "key")
    found = list(sensors.prefetch_related(Prefetch("channels", queryset=channels)))
    latest = latest_states()
    return [status_from(sensor, latest) for sensor in found]


def status_of(sensor: Sensor) -> SensorStatus:
    return statuses_of(Sensor.objects.filter(pk=sensor.pk))[0]


def latest_states() -> LatestStates:
    try:
        return LatestStates(read_latest())
    except BrokerDown:
        return LatestStates({}, "The station's broker does not answer, so no values are known.")


def status_from(sensor: Sensor, latest: LatestStates) -> SensorStatus:
    reported = latest.states.get(sensor.name) if sensor.enabled else None
    if reported is not None and reported["host"] != sensor.host:
        # Its former host ends within seconds.
        reported = None
    readings = {(one["channel"], one["quantity"]): one for one in (reported["channels"] if reported else [])}
    channels = [channel_status(one, readings.get((one.key, one.quantity))) for one in sensor.channels.all()]
    if not sensor.enabled:
        return SensorStatus(sensor, "off", "", None, channels)
    if reported is None and not latest.trouble and timezone.now() - sensor.created_at < JUST_ADDED:
        return SensorStatus(sensor, "starting", "", None, channels)
    if reported is None:
        message = latest.trouble or f"The host {sensor.host} says nothing of it. Is `skycam up` running there?"
        return SensorStatus(sensor, "missing", message, None, channels)
    return SensorStatus(sensor, reported["state"], reported["message"], parse_datetime(reported["since"]), channels)


def channel_status(channel: SensorChannel, reading: ChannelReading | None) -> ChannelStatus:
    if reading is None:
        return ChannelStatus(channel, None, "missing", None)
    value = None if reading["quality"] == "missing" else reading["value"]
    at = parse_datetime(reading["at"]) if reading["at"] else None
    return ChannelStatus(channel, value, reading["quality"], at)


@dataclass(frozen=True, slots=True)
class SiteTemperature:
    """The newest value of the site's main channel. `celsius` is in °C."""

    label: str
    celsius: float
    at: datetime | None


def site_temperature() -> SiteTemperature | None:
    """None if no channel is the main one, or if its value is not a good one now. Asks the broker alone."""
    for state in latest_states().states.values():
        for one in state["channels"]:
            if one["main"] and one["quality"] == "ok" and one["value"] is not None:
                at = parse_datetime(one["at"]) if one["at"] else None
                return SiteTemperature(f"{state['sensor']} {one['label']}", one["value"], at)
    return None


def dashboard_channels(user: Any) -> list[ChannelStatus]:
    """The channels that are not hidden, of the sensors that are on."""
    statuses = statuses_of(sensors_for(user).filter(enabled=True))
    return [one for status in statuses for one in status.channels if not one.channel.hidden]
