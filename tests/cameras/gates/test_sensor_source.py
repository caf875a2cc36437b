"""The newest reading of a sensor as the source of a gate."""

from __future__ import annotations

from collections.abc import Mapping

from cameras.gates.gate import Reading
from cameras.supervision.configured_gates import SensorSource
from core.broker.broker import BrokerDown
from core.readings.reading import ChannelReading, Quality, SensorState


def channel(name: str, value: float | None, quality: Quality = "ok", quantity: str = "temperature") -> ChannelReading:
    return ChannelReading(channel=name, quantity=quantity, label="", main=False, value=value, quality=quality, at=None)


def reading_of(place: str, *channels: ChannelReading, message: str = "") -> Reading:
    state = SensorState(
        sensor="bus", kind="digitemp", host="main", interval_s=2.0, state="ok", message=message, since="",
        channels=list(channels),
    )  # fmt: skip
    return SensorSource(place, lambda: {"bus": state}).read()


def broker_down() -> Mapping[str, SensorState]:
    raise BrokerDown


def test_the_only_channel_of_a_sensor_is_the_value() -> None:
    assert reading_of("bus", channel("28A", 12.5)) == Reading(12.5)


def test_a_channel_is_chosen_by_its_name() -> None:
    assert reading_of("bus:28B", channel("28A", 12.5), channel("28B", 3.0)) == Reading(3.0)


def test_a_channel_is_chosen_by_its_quantity() -> None:
    found = reading_of("bus:humidity", channel("28A", 12.5), channel("h", 60.0, quantity="humidity"))
    assert found == Reading(60.0)


def test_of_several_channels_none_is_guessed() -> None:
    found = reading_of("bus", channel("28A", 12.5), channel("28B", 3.0))
    assert found == Reading(None, "The sensor bus has not exactly one such channel; it has: 28A, 28B.")


def test_a_missing_reading_is_unknown_and_says_why() -> None:
    found = reading_of("bus", channel("28A", None, "missing"), message="The port is gone.")
    assert found == Reading(None, "bus 28A is missing. The port is gone.")


def test_an_implausible_or_stale_reading_is_unknown() -> None:
    assert reading_of("bus", channel("28A", 85.0, "implausible")).value is None
    assert reading_of("bus", channel("28A", 12.0, "stale")).value is None


def test_a_sensor_that_no_host_reads_is_unknown() -> None:
    assert reading_of("roof", channel("28A", 12.5)) == Reading(None, "No host reads a sensor roof.")


def test_without_the_broker_the_value_is_unknown() -> None:
    assert SensorSource("bus", broker_down).read().value is None
