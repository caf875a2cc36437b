"""`TemperatureMonitor`: the temperature of the site, or of one sensor, for programs."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Protocol

from core.background import log_and_continue, start_background_task
from core.broker.broker import BrokerDown
from core.readings.latest import read_latest
from core.readings.reading import ChannelReading

Callback = Callable[[float], Any]
"""Gets degrees Celsius. It may be a coroutine function."""


class SamplingConfig(Protocol):
    """What it needs of `SensorConfig`."""

    @property
    def sampling_interval(self) -> float:
        """Seconds."""
        ...


class TemperatureMonitor:
    """A façade over the sensors of the station, whose part `sensors` reads them: it opens no device itself.

    `sensor` is a sensor's name; without one it is the sensor that measures the temperature of the site. For use in one
    event loop.
    """

    def __init__(self, config: SamplingConfig, sensor: str = "") -> None:
        self.config, self._sensor = config, sensor
        self._callbacks: list[Callback] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def is_monitoring(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start_monitoring(self) -> None:
        """Begin to call the callbacks, once each sampling interval while there is a temperature. Returns at once."""
        if not self.is_monitoring:
            self._task = start_background_task(self._monitor(), "temperature-monitor")

    async def stop_monitoring(self) -> None:
        """No callback is called afterwards."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def add_callback(self, callback: Callback) -> None:
        """An error that it raises is logged and stops neither the others nor the monitoring."""
        self._callbacks.append(callback)

    async def get_latest_temperature(self) -> float | None:
        """Degrees Celsius now. None while the sensor is missing, or its value is stale or implausible."""
        reading = await asyncio.to_thread(self._read)
        return reading["value"] if reading is not None and reading["quality"] == "ok" else None

    def _read(self) -> ChannelReading | None:
        try:
            latest = read_latest()
        except BrokerDown:
            return None
        channels = [
            channel
            for name, state in latest.items()
            for channel in state["channels"]
            if channel["quantity"] == "temperature" and (name == self._sensor or (not self._sensor and channel["main"]))
        ]
        return next(iter(channels), None)

    async def _monitor(self) -> None:
        while True:
            temperature = await self.get_latest_temperature()
            if temperature is not None:
                for callback in self._callbacks:
                    await _call(callback, temperature)
            await asyncio.sleep(self.config.sampling_interval)


async def _call(callback: Callback, temperature: float) -> None:
    with log_and_continue("temperature-monitor"):
        result = callback(temperature)
        if inspect.isawaitable(result):
            await result
