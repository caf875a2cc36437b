"""SENSORS: the kinds of sensor. Adding one is one file, a model of its settings and one line. Importing this opens no
library. Django-free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.registry import resolve

if TYPE_CHECKING:
    from monitoring.sensors.driver import SensorDriver

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
