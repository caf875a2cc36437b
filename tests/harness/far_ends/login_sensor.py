"""A kind of sensor with a login, and with a program that only the configuration file may set."""

from __future__ import annotations

from core.resources.fields import field
from monitoring.sensors.driver import Sample, SensorDriver
from monitoring.sensors.settings import SensorSettings


class LoginSettings(SensorSettings):
    url: str = field(help="Where it is.")
    user: str = field("", help="Who signs in.")
    password: str = field("", help="Its password.", secret=True)
    retries: int = field(3, help="How often.")
    tls: bool = field(True, help="Whether it is encrypted.")
    program: str = field("", help="A program to run.", file_only=True)


class LoginSensor(SensorDriver):
    settings_model = LoginSettings
    shortest_interval_s = 1.0

    def read(self, deadline_s: float) -> list[Sample]:
        return []


LOGIN_KIND = ("Sensor with a login", f"{__name__}.LoginSensor")
"""Its entry in SENSORS."""
