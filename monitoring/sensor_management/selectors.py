"""Sensors with what their hosts say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core.broker.broker import BrokerDown
from core.readings.latest import read_latest
from core.readings.reading import ChannelReading, SensorState
from monitoring.models import Sensor, SensorChannel

JUST_ADDED = timedelta(seconds=10)
"""A host looks for new sensors each 2 s."""


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


def with_status(sensors: Iterable[Sensor], _user: Any = None) -> list[Sensor]:
    """The sensors and their channels with what their hosts say of them: in one query and two requests to the broker
    more, for any number of sensors."""
    found, latest = list(sensors), latest_states()
    prefetch_related_objects(found, Prefetch("channels", queryset=SensorChannel.objects.order_by("quantity", "key")))
    for sensor in found:
        set_status(sensor, latest)
    return found


def channel_with_status(channel: SensorChannel) -> SensorChannel:
    (sensor,) = with_status([channel.sensor])
    return next(one for one in sensor.channels.all() if one.pk == channel.pk)


def latest_states() -> LatestStates:
    try:
        return LatestStates(read_latest())
    except BrokerDown:
        return LatestStates({}, "The station's broker does not answer, so no values are known.")


def set_status(sensor: Sensor, latest: LatestStates) -> None:
    reported = latest.states.get(sensor.name) if sensor.enabled else None
    if reported is not None and reported["host"] != sensor.host:
        # Its former host ends within seconds.
        reported = None
    readings = {(one["channel"], one["quantity"]): one for one in (reported["channels"] if reported else [])}
    for channel in sensor.channels.all():
        set_reading(channel, readings.get((channel.key, channel.quantity)))
    sensor.at = max((one.at for one in sensor.channels.all() if one.at is not None), default=None)
    sensor.state, sensor.message, sensor.since = "missing", "", None
    if reported is not None:
        sensor.state, sensor.message, sensor.since = (
            reported["state"], reported["message"], parse_datetime(reported["since"])
        )  # fmt: skip
    elif not sensor.enabled:
        sensor.state = "off"
    elif not latest.trouble and timezone.now() - sensor.created_at < JUST_ADDED:
        sensor.state = "starting"
    else:
        unsaid = f"The host {sensor.host} says nothing of it. Is `skycam up` running there?"
        sensor.message = latest.trouble or unsaid


def set_reading(channel: SensorChannel, reading: ChannelReading | None) -> None:
    channel.value, channel.quality, channel.at = None, "missing", None
    if reading is not None:
        channel.quality = reading["quality"]
        channel.value = None if reading["quality"] == "missing" else reading["value"]
        channel.at = parse_datetime(reading["at"]) if reading["at"] else None


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


def main_channel() -> tuple[tuple[str, str, str], float | None] | None:
    """The sensor, the channel and the quantity of the site's temperature, with its newest value, if that is to be
    believed; None without a main channel."""
    main = SensorChannel.objects.filter(main=True).values_list("sensor__name", "key", "quantity").first()
    if main is None:
        return None
    newest = site_temperature()
    return main, newest.celsius if newest else None


def dashboard_channels(user: Any) -> list[SensorChannel]:
    """The channels that are not hidden, of the sensors that are on."""
    sensors = with_status(sensors_for(user).filter(enabled=True))
    return [one for sensor in sensors for one in sensor.channels.all() if not one.hidden]
