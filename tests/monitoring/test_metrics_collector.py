"""The façade for programs: the names and the behaviour of the first document."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.metrics_collector import MetricsCollector, SkycamMetrics
from tests.harness.stations.station import free_port
from tests.harness.waiting import eventually_in_loop


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """The default port, which another program of this machine may use."""
    port = free_port()
    monkeypatch.setattr(SkycamMetrics.start_metrics_server, "__defaults__", (port,))
    return port


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.metrics_collector.COLLECT_EVERY_S", 0.05)


def values(port: int) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {sample.name: sample.value for family in families for sample in family.samples}


def camera(**status: Any) -> Any:
    return camera_of(status)


def camera_of(status: dict[str, Any]) -> Any:
    async def get_status() -> Any:
        return status

    return SimpleNamespace(get_status=get_status)


def sensor(temperature: float | None, monitoring: bool = True) -> Any:
    async def get_latest_temperature() -> float | None:
        return temperature

    return SimpleNamespace(is_monitoring=monitoring, get_latest_temperature=get_latest_temperature)


def collected(collector: MetricsCollector, port: int, until: Callable[[dict[str, float]], Any]) -> dict[str, float]:
    """What the server gives once `until` is true of it; the collection is stopped then."""

    async def run() -> dict[str, float]:
        collecting = asyncio.create_task(collector.start_collection())
        await eventually_in_loop(lambda: collector.running)
        found: dict[str, float] = {}
        await eventually_in_loop(lambda: found.update(values(port)) or until(found))
        collector.stop_collection()
        await asyncio.wait_for(collecting, 5)
        return found

    return asyncio.run(run())


def test_camera_and_sensor_are_collected(port: int) -> None:
    collector = MetricsCollector(camera(temperature=-7.5, is_capturing=True), sensor(0.0))
    found = collected(collector, port, lambda found: found.get("skycam_active_captures"))
    assert found["skycam_camera_temperature_celsius"] == -7.5
    assert found["skycam_sensor_temperature_celsius"] == 0.0
    assert not collector.running


def test_an_error_is_counted_and_the_collection_goes_on(port: int) -> None:
    async def get_status() -> Any:
        raise OSError("The camera is away.")

    collector = MetricsCollector(SimpleNamespace(get_status=get_status), sensor(None))
    counted = "skycam_capture_errors_total"
    assert collected(collector, port, lambda found: found.get(counted, 0) >= 2)[counted] >= 2


def test_a_manager_that_hangs_is_an_error(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.metrics_collector.DEADLINE_S", 0.05)

    def get_status() -> Awaitable[Any]:
        return asyncio.sleep(60)

    collector = MetricsCollector(SimpleNamespace(get_status=get_status), sensor(None))
    assert collected(collector, port, lambda found: found.get("skycam_capture_errors_total"))


def test_a_camera_that_fails_hides_no_sensor(port: int) -> None:
    async def get_status() -> Any:
        raise OSError("The camera is away.")

    collector = MetricsCollector(SimpleNamespace(get_status=get_status), sensor(21.5))
    found = collected(collector, port, lambda found: found.get("skycam_sensor_temperature_celsius") == 21.5)
    assert math.isnan(found["skycam_camera_temperature_celsius"])


def test_a_temperature_that_is_not_known_any_more_is_not_shown(port: int) -> None:
    status: dict[str, Any] = {"temperature": -7.5, "is_capturing": True}
    collector = MetricsCollector(camera_of(status), sensor(None))
    name = "skycam_camera_temperature_celsius"
    assert collected(collector, port, lambda found: found.get(name) == -7.5)
    status["temperature"] = None
    assert collected(collector, port, lambda found: math.isnan(found[name]))


def test_a_new_gauge_of_a_temperature_shows_no_zero() -> None:
    assert math.isnan(SkycamMetrics().registry.get_sample_value("skycam_camera_temperature_celsius") or 0.0)


def test_a_collection_starts_again_after_it_was_stopped(port: int) -> None:
    collector = MetricsCollector(camera(is_capturing=True), sensor(None, monitoring=False))
    collected(collector, port, lambda found: found.get("skycam_active_captures"))
    assert collected(collector, port, lambda found: found.get("skycam_active_captures"))


def test_the_attributes_are_those_of_the_first_document() -> None:
    metrics = SkycamMetrics()
    metrics.images_captured.inc()
    metrics.capture_duration.observe(8.0)
    assert metrics.registry.get_sample_value("skycam_images_captured_total") == 1
    assert metrics.registry.get_sample_value("skycam_capture_duration_seconds_sum") == 8.0


def test_a_port_in_use_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        SkycamMetrics().start_metrics_server(taken.getsockname()[1])
