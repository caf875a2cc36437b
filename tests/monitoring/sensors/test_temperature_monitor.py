"""The temperature of the site for programs, over a real broker."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from core.broker import broker
from core.readings.latest import HOSTS, read_latest, sensor_metrics
from core.readings.reading import ChannelReading, Quality, SensorState
from monitoring.temperature_monitor import TemperatureMonitor
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

CONFIG = SimpleNamespace(sampling_interval=0.02)


pytestmark = pytest.mark.usefixtures("empty_broker")


def publish(
    value: float | None, quality: Quality = "ok", *, main: bool = True, sensor: str = "balcony",
    quantity: str = "temperature",
) -> None:  # fmt: skip
    channel = ChannelReading(channel="t", quantity=quantity, label="", main=main, value=value, quality=quality, at=None)
    state = SensorState(
        sensor=sensor, kind="simulated", host="main", interval_s=2.0, state="ok", message="", since="",
        channels=[channel],
    )  # fmt: skip
    broker.connection().set(broker.key("sensors", "main"), json.dumps([state]))
    broker.connection().sadd(broker.key(HOSTS), "main")


async def test_the_temperature_is_that_of_the_site() -> None:
    publish(12.5)
    assert await TemperatureMonitor(CONFIG).get_latest_temperature() == 12.5


async def test_another_sensor_can_be_chosen() -> None:
    publish(12.5, main=False)
    assert await TemperatureMonitor(CONFIG).get_latest_temperature() is None
    assert await TemperatureMonitor(CONFIG, sensor="balcony").get_latest_temperature() == 12.5


async def test_a_missing_sensor_has_no_temperature() -> None:
    publish(None, "missing")
    assert await TemperatureMonitor(CONFIG).get_latest_temperature() is None


async def test_an_implausible_value_is_no_temperature() -> None:
    publish(85.0, "implausible")
    assert await TemperatureMonitor(CONFIG).get_latest_temperature() is None


async def test_callbacks_are_called_until_the_monitoring_stops() -> None:
    publish(12.5)
    heard: list[float] = []
    monitor = TemperatureMonitor(CONFIG)
    monitor.add_callback(heard.append)
    await monitor.start_monitoring()
    assert monitor.is_monitoring
    await eventually_in_loop(lambda: len(heard) >= 2)
    await monitor.stop_monitoring()
    assert (monitor.is_monitoring, heard[0]) == (False, 12.5)


async def test_a_callback_may_be_a_coroutine_function() -> None:
    publish(12.5)
    heard: asyncio.Queue[float] = asyncio.Queue()
    monitor = TemperatureMonitor(CONFIG)
    monitor.add_callback(heard.put)
    await monitor.start_monitoring()
    assert await asyncio.wait_for(heard.get(), PATIENCE_S) == 12.5
    await monitor.stop_monitoring()


async def test_a_callback_that_fails_stops_no_other() -> None:
    publish(12.5)
    heard: list[float] = []
    monitor = TemperatureMonitor(CONFIG)
    monitor.add_callback(lambda _: 1 / 0)
    monitor.add_callback(heard.append)
    await monitor.start_monitoring()
    await eventually_in_loop(lambda: len(heard) >= 2)
    await monitor.stop_monitoring()


def test_without_a_host_nothing_is_known() -> None:
    assert read_latest() == {}


def metric_values(name: str) -> list[float]:
    return [sample.value for metric in sensor_metrics() for sample in metric.samples if sample.name == name]


def test_a_temperature_is_a_metric() -> None:
    publish(12.5)
    assert metric_values("skycam_sensor_temperature_celsius") == [12.5]


def test_a_quantity_that_only_a_newer_host_knows_hides_no_other_metric() -> None:
    publish(3.0, quantity="lightning")
    assert metric_values("skycam_sensor_value") == []
    assert sum(metric_values("skycam_sensor_channels")) == 1


def test_a_missing_temperature_is_no_metric_and_is_counted() -> None:
    publish(None, "missing")
    assert metric_values("skycam_sensor_temperature_celsius") == []
    assert sum(metric_values("skycam_sensor_channels")) == 1
