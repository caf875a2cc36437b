"""What a host knows of a sensor: its channels, their newest readings, and its state."""

from __future__ import annotations

import pytest

from core.readings.reading import ChannelReading, JudgedReading, Limits
from monitoring.sensors.channels import MAX_CHANNELS, ChannelSettings
from monitoring.sensors.messages import SampleMessage
from monitoring.sensors.monitor import SensorMonitor

INTERVAL_S = 2.0
WALL_MS = 1_800_000_000_000
TEMPERATURE = ("t", "temperature")


@pytest.fixture
def monitor() -> SensorMonitor:
    return SensorMonitor("uuid", "balcony", "arduino", "main", INTERVAL_S, now=0.0, wall_ms=WALL_MS)


def sample(value: float | None = 20.0, channel: str = "t", quantity: str = "temperature") -> SampleMessage:
    return SampleMessage(channel=channel, quantity=quantity, value=value, label="", age_s=0.0, is_valid=True)


def record(
    monitor: SensorMonitor, *samples: SampleMessage, now: float = 1.0, took_s: float = 0.1
) -> list[JudgedReading]:
    return monitor.record(samples, took_s, now, WALL_MS)


def only_channel(monitor: SensorMonitor) -> ChannelReading:
    (found,) = monitor.state()["channels"]
    return found


def test_a_new_sensor_is_starting(monitor: SensorMonitor) -> None:
    assert monitor.state()["state"] == "starting"


def test_a_reading_makes_it_ok(monitor: SensorMonitor) -> None:
    record(monitor, sample())
    assert (monitor.state()["state"], only_channel(monitor)["value"]) == ("ok", 20.0)


def test_a_missing_channel_never_shows_its_last_value(monitor: SensorMonitor) -> None:
    record(monitor, sample())
    monitor.check_missing(1.0 + 3 * INTERVAL_S + 0.1, WALL_MS)
    assert (only_channel(monitor)["value"], only_channel(monitor)["quality"]) == (None, "missing")


def test_a_missing_channel_gives_one_reading_without_a_value(monitor: SensorMonitor) -> None:
    record(monitor, sample())
    first, second = monitor.check_missing(8.0, WALL_MS + 7), monitor.check_missing(9.0, WALL_MS + 8)
    assert ([(one.value, one.quality, one.at_ms) for one in first], second) == ([(None, "missing", WALL_MS + 7)], [])


def test_a_sensor_whose_channels_are_all_missing_is_missing(monitor: SensorMonitor) -> None:
    record(monitor, sample())
    monitor.check_missing(8.0, WALL_MS)
    assert monitor.state()["state"] == "missing"


def test_a_sensor_that_never_gave_a_value_is_missing_after_three_intervals(monitor: SensorMonitor) -> None:
    assert [monitor.is_missing(6.0), monitor.is_missing(6.1)] == [False, True]


def test_one_missing_thermometer_leaves_the_others(monitor: SensorMonitor) -> None:
    record(monitor, sample(channel="a"), sample(channel="b"))
    record(monitor, sample(channel="a"), now=7.0)
    monitor.check_missing(7.5, WALL_MS)
    assert [one["quality"] for one in monitor.state()["channels"]] == ["ok", "missing"]
    assert monitor.state()["state"] == "ok"


def test_an_error_says_why_until_a_value_comes(monitor: SensorMonitor) -> None:
    monitor.record_error("The port /dev/ttyUSB0 is gone.", WALL_MS)
    assert monitor.state()["message"] == "The port /dev/ttyUSB0 is gone."
    record(monitor, sample())
    assert (monitor.state()["state"], monitor.state()["message"]) == ("ok", "")


def test_a_channel_of_the_database_that_gives_nothing_is_missing(monitor: SensorMonitor) -> None:
    monitor.configure({TEMPERATURE: ChannelSettings(label="Mirror")}, now=0.0)
    monitor.check_missing(6.1, WALL_MS)
    assert (only_channel(monitor)["label"], only_channel(monitor)["quality"]) == ("Mirror", "missing")


def test_the_label_of_a_user_replaces_that_of_the_device(monitor: SensorMonitor) -> None:
    monitor.configure({TEMPERATURE: ChannelSettings(label="Mirror", main=True)}, now=0.0)
    record(monitor, SampleMessage(**{**sample(), "label": "DS18B20"}))
    assert (only_channel(monitor)["label"], only_channel(monitor)["main"]) == ("Mirror", True)


def test_an_offset_is_added_before_the_limits_are_compared(monitor: SensorMonitor) -> None:
    monitor.configure({TEMPERATURE: ChannelSettings(Limits(highest=20.0), offset=-0.5)}, now=0.0)
    (reading,) = record(monitor, sample(20.4))
    assert (reading.value, reading.quality) == (pytest.approx(19.9), "ok")


def test_a_bus_that_needs_longer_than_the_interval_is_not_missing(monitor: SensorMonitor) -> None:
    record(monitor, sample(), took_s=9.0)
    assert monitor.check_missing(20.0, WALL_MS) == []


def test_temperature_and_humidity_give_a_dew_point(monitor: SensorMonitor) -> None:
    readings = record(monitor, sample(20.0), sample(50.0, "h", "humidity"))
    # 9.3 °C: table of the German weather service for 20 °C and 50 %.
    assert readings[-1].quantity == "dew_point"
    assert readings[-1].value == pytest.approx(9.3, abs=0.05)


def test_of_two_thermometers_no_dew_point_is_computed(monitor: SensorMonitor) -> None:
    readings = record(monitor, sample(), sample(channel="b"), sample(50.0, "h", "humidity"))
    assert "dew_point" not in {reading.quantity for reading in readings}


def test_an_implausible_temperature_gives_no_dew_point(monitor: SensorMonitor) -> None:
    readings = record(monitor, sample(200.0), sample(50.0, "h", "humidity"))
    assert "dew_point" not in {reading.quantity for reading in readings}


def test_an_old_value_has_the_time_at_which_it_was_measured(monitor: SensorMonitor) -> None:
    (reading,) = record(monitor, SampleMessage(**{**sample(), "age_s": 60.0}))
    assert (reading.quality, reading.at_ms) == ("stale", WALL_MS - 60_000)


def test_a_device_that_invents_channels_for_ever_has_a_bounded_number(monitor: SensorMonitor) -> None:
    record(monitor, *[sample(channel=f"c{number}") for number in range(2 * MAX_CHANNELS)])
    state = monitor.state()
    assert (len(state["channels"]), state["state"]) == (MAX_CHANNELS, "ok")
    assert "more than 200 channels; the others are left out" in state["message"]


def test_a_quantity_that_does_not_exist_is_left_out(monitor: SensorMonitor) -> None:
    assert record(monitor, sample(quantity="mood")) == []


def test_names_of_channels_show_no_control_characters(monitor: SensorMonitor) -> None:
    (reading,) = record(monitor, sample(channel="a\u202eb\x1b[2J"))
    assert reading.channel == "a\ufffdb\ufffd[2J"


def test_an_age_beyond_all_measure_is_a_time_that_a_row_can_have(monitor: SensorMonitor) -> None:
    (reading,) = record(monitor, {**sample(), "age_s": float("inf")})
    assert (reading.at_ms, reading.quality) == (0, "stale")
