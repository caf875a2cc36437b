"""`SkycamMetrics` and `MetricsCollector`: the façade for programs that have cameras and sensors of their own.

A station needs neither: it collects its own metrics (`monitoring/metrics.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

log = logging.getLogger(__name__)
COLLECT_EVERY_S = 5.0
DEADLINE_S = 30.0
"""A manager that takes longer is an error of the collection."""
UNKNOWN = math.nan
"""Prometheus draws a gap. The last value would pass as a measurement, and so would the 0 of a new gauge."""


class CameraManager(Protocol):
    async def get_status(self) -> Any:
        """A mapping, which may have `temperature` in degrees Celsius and `is_capturing`."""


class SensorMonitor(Protocol):
    is_monitoring: bool

    async def get_latest_temperature(self) -> float | None:
        """Degrees Celsius; None without a reading."""


class SkycamMetrics:
    """The six metrics, in a registry of their own: a program may have several, and a station's are not among them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.images_captured = Counter(
            "skycam_images_captured_total", "Total number of images captured", registry=self.registry
        )
        self.capture_errors = Counter(
            "skycam_capture_errors_total", "Total number of capture errors", ["error_type"], registry=self.registry
        )
        self.camera_temperature = Gauge(
            "skycam_camera_temperature_celsius", "Camera temperature in Celsius", registry=self.registry
        )
        self.capture_duration = Histogram(
            "skycam_capture_duration_seconds", "Time taken for each capture", registry=self.registry
        )
        self.sensor_temperature = Gauge(
            "skycam_sensor_temperature_celsius", "External sensor temperature", registry=self.registry
        )
        self.active_captures = Gauge(
            "skycam_active_captures", "Number of active capture sessions", registry=self.registry
        )
        for gauge in (self.camera_temperature, self.sensor_temperature):
            gauge.set(UNKNOWN)

    def start_metrics_server(self, port: int = 8000) -> None:
        """Serve the metrics on this port of loopback, on a thread, until the program ends. OSError when it is in use:
        a station that runs here serves its own metrics on port 8000."""
        start_http_server(port, addr="127.0.0.1", registry=self.registry)


class MetricsCollector:
    """Reads a camera and a sensor every few seconds. An error is logged, counted, and ends nothing."""

    def __init__(self, camera_manager: CameraManager, sensor_monitor: SensorMonitor) -> None:
        self.camera_manager, self.sensor_monitor = camera_manager, sensor_monitor
        self.metrics = SkycamMetrics()
        self.running = False
        self._serving = False
        self._stop: Callable[[], object] = lambda: None
        """Ends the pause of a running collection; from any thread."""

    async def start_collection(self) -> None:
        """Serve the metrics on port 8000 and collect until `stop_collection`. OSError when the port is in use."""
        if not self._serving:
            self.metrics.start_metrics_server()
            self._serving = True
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        self.running, self._stop = True, lambda: loop.call_soon_threadsafe(stopping.set)
        try:
            while self.running:
                await self._collect_once()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), COLLECT_EVERY_S)
        finally:
            self.running, self._stop = False, lambda: None

    def stop_collection(self) -> None:
        """End the collection after the current round. Any thread may call it, also before the start and again."""
        self.running = False
        self._stop()

    async def _collect_once(self) -> None:
        await asyncio.gather(self._collect_camera(), self._collect_sensor())

    async def _collect_camera(self) -> None:
        temperature, is_capturing = UNKNOWN, UNKNOWN
        with self._counting_errors():
            async with asyncio.timeout(DEADLINE_S):
                status = await self.camera_manager.get_status()
            temperature = number(status.get("temperature"))
            is_capturing = float(bool(status.get("is_capturing")))
        self.metrics.camera_temperature.set(temperature)
        self.metrics.active_captures.set(is_capturing)

    async def _collect_sensor(self) -> None:
        temperature = UNKNOWN
        with self._counting_errors():
            if self.sensor_monitor.is_monitoring:
                async with asyncio.timeout(DEADLINE_S):
                    temperature = number(await self.sensor_monitor.get_latest_temperature())
        self.metrics.sensor_temperature.set(temperature)

    @contextlib.contextmanager
    def _counting_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self.metrics.capture_errors.labels(error_type="metrics_collection").inc()
            log.exception("Metrics could not be collected.")


def number(value: float | None) -> float:
    # 0 degrees is a temperature.
    return UNKNOWN if value is None else float(value)
