"""A kind of sensor with a login, and with a program that only the configuration file may set."""

from __future__ import annotations

from monitoring.sensors.driver import Option, Sample, SensorDriver


class LoginSensor(SensorDriver):
    options = (
        Option("url", "Where it is.", "", required=True),
        Option("user", "Who signs in.", ""),
        Option("password", "Its password.", "", secret=True),
        Option("retries", "How often.", 3, int, "a whole number"),
        Option("tls", "Whether it is encrypted.", True, bool, "true or false"),
        Option("program", "A program to run.", "", from_file_only=True),
    )
    shortest_interval_s = 1.0

    def read(self, deadline_s: float) -> list[Sample]:
        return []


LOGIN_KIND = ("Sensor with a login", f"{__name__}.LoginSensor")
"""Its entry in SENSORS."""
