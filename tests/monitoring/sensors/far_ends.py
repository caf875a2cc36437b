"""For each kind of sensor a far end that works, with the settings that lead to it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.outgoing import OutgoingGuard
from monitoring.sensors.driver import SensorDriver, driver_class
from monitoring.sensors.settings import checked_settings
from tests.harness.far_ends.ds9097 import Ds9097
from tests.harness.far_ends.mosquitto import Mosquitto
from tests.harness.far_ends.serial_device import SerialDevice
from tests.harness.far_ends.weather_station import WeatherStation
from tests.harness.waiting import PATIENCE_S

DEADLINE_S = PATIENCE_S
"""For what is there, or is noticed to be gone."""
SHORT_S = 0.5
"""The deadline of a driver for what does not come."""


@dataclass
class FarEnd:
    kind: str
    settings: dict[str, Any]
    remove: Callable[[], object]
    """Takes the far end away: the next readings fail."""
    changed: dict[str, Any] = field(default_factory=dict)
    """Settings of a far end that was never there, where nothing can be taken away."""


@contextmanager
def digitemp(_folder: Path) -> Iterator[FarEnd]:
    with Ds9097(23.5, -7.0625) as bus:
        yield FarEnd("digitemp", {"port": bus.port}, bus.close)


@contextmanager
def arduino(_folder: Path) -> Iterator[FarEnd]:
    with SerialDevice(b"T:23.5,H:40\r\n") as device:
        yield FarEnd("arduino", {"port": device.port}, device.close)


@contextmanager
def host(_folder: Path) -> Iterator[FarEnd]:
    yield FarEnd("host", {}, lambda: None)


@contextmanager
def mqtt(folder: Path) -> Iterator[FarEnd]:
    with Mosquitto(folder / "mosquitto") as broker:
        broker.publish("balcony/temp", "23.5", retain=True)
        settings = {"host": broker.host, "port": broker.port, "topics": "balcony/temp=temperature"}
        yield FarEnd("mqtt", settings, broker.stop)


@contextmanager
def http(_folder: Path) -> Iterator[FarEnd]:
    with WeatherStation({"temp": 23.5}) as station:
        yield FarEnd("http", {"url": station.url, "values": "temp=temperature"}, station.close)


@contextmanager
def command(folder: Path) -> Iterator[FarEnd]:
    program = folder / "temperature.py"
    program.write_text("print('temperature=23.5')\n")
    yield FarEnd("command", {"command": [sys.executable, str(program)]}, program.unlink)


@contextmanager
def simulated(_folder: Path) -> Iterator[FarEnd]:
    yield FarEnd("simulated", {}, lambda: None, changed={"fault": "error"})


FAR_ENDS = {
    "digitemp": digitemp,
    "arduino": arduino,
    "host": host,
    "mqtt": mqtt,
    "http": http,
    "command": command,
    "simulated": simulated,
}


def driver_of(kind: str, settings: dict[str, Any], guard: OutgoingGuard | None = None) -> SensorDriver:
    """Not opened."""
    return driver_class(kind)(checked_settings(kind, settings), guard or OutgoingGuard())
