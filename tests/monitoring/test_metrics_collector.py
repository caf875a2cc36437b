"""The façade for programs: the names and the behaviour of the first document."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Awaitable, Callable, Iterable
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from monitoring.metrics_collector import MetricsCollector, SkycamMetrics
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S, eventually_in_loop


def serve_on(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the default port, which another program of this machine may use."""
    monkeypatch.setattr(SkycamMetrics.start_metrics_server, "__defaults__", (port,))


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """On whichever port is free."""
    serve_on(0, monkeypatch)
    monkeypatch.setattr("monitoring.metrics_collector.COLLECT_EVERY_S", 0.05)


def values(families: Iterable[Metric]) -> dict[str, float]:
    return {sample.name: sample.value for family in families for sample in family.samples}


def served(port: int) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
        return values(text_string_to_metric_families(answer.read().decode()))


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


def collected(collector: MetricsCollector, until: Callable[[dict[str, float]], Any]) -> dict[str, float]:
    """What is collected once `until` is true of it; the collection is stopped then."""

    async def run() -> dict[str, float]:
        collecting = asyncio.create_task(collector.start_collection())
        await eventually_in_loop(lambda: collector.running)
        found: dict[str, float] = {}
        await eventually_in_loop(lambda: found.update(values(collector.metrics.registry.collect())) or until(found))
        collector.stop_collection()
        await asyncio.wait_for(collecting, PATIENCE_S)
        return found

    return asyncio.run(run())


def test_camera_and_sensor_are_collected_and_served(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    serve_on(port, monkeypatch)
    collector = MetricsCollector(camera(temperature=-7.5, is_capturing=True), sensor(0.0))
    collected(collector, lambda found: found.get("skycam_active_captures"))
    found = served(port)
    assert found["skycam_camera_temperature_celsius"] == -7.5
    assert found["skycam_sensor_temperature_celsius"] == 0.0
    assert not collector.running


def test_an_error_is_counted_and_the_collection_goes_on() -> None:
    async def get_status() -> Any:
        raise OSError("The camera is away.")

    collector = MetricsCollector(SimpleNamespace(get_status=get_status), sensor(None))
    counted = "skycam_capture_errors_total"
    assert collected(collector, lambda found: found.get(counted, 0) >= 2)[counted] >= 2


def test_a_manager_that_hangs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.metrics_collector.DEADLINE_S", 0.05)

    def get_status() -> Awaitable[Any]:
        return asyncio.Event().wait()

    collector = MetricsCollector(SimpleNamespace(get_status=get_status), sensor(None))
    assert collected(collector, lambda found: found.get("skycam_capture_errors_total"))


def test_a_camera_that_fails_hides_no_sensor() -> None:
    async def get_status() -> Any:
        raise OSError("The camera is away.")

    collector = MetricsCollector(SimpleNamespace(get_status=get_status), sensor(21.5))
    found = collected(collector, lambda found: found.get("skycam_sensor_temperature_celsius") == 21.5)
    assert math.isnan(found["skycam_camera_temperature_celsius"])


def test_a_temperature_that_is_not_known_any_more_is_not_shown() -> None:
    status: dict[str, Any] = {"temperature": -7.5, "is_capturing": True}
    collector = MetricsCollector(camera_of(status), sensor(None))
    name = "skycam_camera_temperature_celsius"
    assert collected(collector, lambda found: found.get(name) == -7.5)
    status["temperature"] = None
    assert collected(collector, lambda found: math.isnan(found[name]))


def test_a_new_gauge_of_a_temperature_shows_no_zero() -> None:
    assert math.isnan(SkycamMetrics().registry.get_sample_value("skycam_camera_temperature_celsius") or 0.0)


def test_a_collection_starts_again_after_it_was_stopped() -> None:
    collector = MetricsCollector(camera(is_capturing=True), sensor(None, monitoring=False))
    collected(collector, lambda found: found.get("skycam_active_captures"))
    assert collected(collector, lambda found: found.get("skycam_active_captures"))


def test_the_attributes_are_those_of_the_first_document() -> None:
    metrics = SkycamMetrics()
    metrics.images_captured.inc()
    metrics.capture_duration.observe(8.0)
    assert metrics.registry.get_sample_value("skycam_images_captured_total") == 1
    assert metrics.registry.get_sample_value("skycam_capture_duration_seconds_sum") == 8.0


def test_a_port_in_use_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        SkycamMetrics().start_metrics_server(taken.getsockname()[1])
