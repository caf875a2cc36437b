"""What a kind of sensor implements. A driver runs in a process of its own, which the host kills when it hangs.
SENSORS: the kinds of sensor. Adding one is one file, a model of its settings and one line. Importing this opens no
library. Django-free."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core.outgoing import OutgoingGuard
from core.registry import resolve


class SensorError(Exception):
    """The sensor cannot be read. The message names the thing, the cause and the next step, without secrets. A
    `permanent` one does not go away by trying again: a wrong setting, a missing program."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. `channel` tells the values of a sensor apart and stays the same for the life of the device, such as
    the ROM of a DS18B20: at most 80 printable characters. `age_s` is how old the value is, if the source says so."""

    channel: str
    quantity: str
    value: float
    label: str = ""
    """How the channel is called until a user names it; the channel if empty."""
    age_s: float = 0.0
    is_valid: bool = True
    """False for a value that the device's own documentation calls an error, such as 85.00 of a DS18B20: implausible."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device that discovery has seen. `settings` are those with which it can be added."""

    kind: str
    label: str
    settings: Mapping[str, Any]
    note: str = ""


class SettingsAt:
    """The model of settings at this path. It is imported when someone asks for it: in the process of a sensor pydantic
    would take more memory than all else."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __get__(self, driver: object, kind: object) -> Any:
        return resolve(self._path)


class SensorDriver(ABC):
    """One sensor. `settings` are all those of the kind, with the secrets, as `checked_settings` returns them.

    It owns no thread and retries nothing: an error is raised as SensorError, and the process opens it again.
    """

    settings_model: ClassVar[Any]
    """`SettingsAt` the model of its settings."""
    shortest_interval_s: ClassVar[float] = 0.1
    sends_by_itself: ClassVar[bool] = False
    """Whether `read` waits for what the device sends, instead of asking it."""
    on_dashboard: ClassVar[tuple[str, ...]] = ("*",)
    """Patterns of the channels that the dashboard shows until a manager chooses others."""
    deadline_s: ClassVar[float] = 10.0
    """For each call of `open` and `read`; then the process is killed."""

    def __init__(self, settings: Mapping[str, Any], guard: OutgoingGuard) -> None:
        self.settings, self.guard = settings, guard

    @classmethod
    def detect(cls, deadline_s: float) -> list[Found]:
        """Devices of this kind on this machine, within `deadline_s`. Never disturbs a device that is in use."""
        return []

    def open(self, deadline_s: float) -> None:
        """Connect. SensorError. Called before the first `read`, and again after each error and `close`."""

    @abstractmethod
    def read(self, deadline_s: float) -> list[Sample]:
        """The values of now, of a source that is asked; or those that arrived since the last call, of a source that
        sends by itself: then it returns at the latest after `deadline_s`, also without a value. SensorError."""

    def close(self) -> None:
        """Also after an error, and twice."""


SENSORS = {
    "digitemp": ("1-Wire thermometers (digitemp)", "monitoring.sensors.drivers.digitemp.DigitempSensor"),
    "arduino": ("Serial port (Arduino)", "monitoring.sensors.drivers.arduino.driver.ArduinoSensor"),
    "host": ("This machine", "monitoring.sensors.drivers.host.HostSensor"),
    "mqtt": ("MQTT topics", "monitoring.sensors.drivers.mqtt.MqttSensor"),
    "http": ("JSON over HTTP", "monitoring.sensors.drivers.http.HttpSensor"),
    "command": ("Program", "monitoring.sensors.drivers.command.CommandSensor"),
    "simulated": ("Simulated sensor", "monitoring.sensors.drivers.simulated.SimulatedSensor"),
}
"""Kind -> its label, and its driver."""


def driver_class(kind: str) -> type[SensorDriver]:
    """The driver of a kind; KeyError for a kind that does not exist."""
    driver: type[SensorDriver] = resolve(SENSORS[kind][1])
    return driver
