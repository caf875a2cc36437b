"""A simulated sensor: a temperature and a humidity that rise and fall in a day, with faults on request. Django-free."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from core.outgoing import OutgoingGuard
from monitoring.sensors.driver import Found, Sample, SensorDriver, SensorError, SettingsAt

DAY_S = 86_400.0


class SimulatedSensor(SensorDriver):
    """Its channels are marked as simulated by their labels. `silent` hangs, `error` raises, `power_on` gives 85 °C,
    `unplugged` gives -127 °C, `noise` gives a value that jumps."""

    settings_model = SettingsAt("monitoring.sensors.settings.SimulatedSettings")

    def __init__(self, settings: Mapping[str, Any], guard: OutgoingGuard) -> None:
        super().__init__(settings, guard)
        self._reads = 0

    @classmethod
    def detect(cls, deadline_s: float) -> list[Found]:
        """Each machine has one."""
        return [Found("simulated", "Simulated sensor", {})]

    def read(self, deadline_s: float) -> list[Sample]:
        self._reads += 1
        fault = self.settings["fault"]
        if fault == "error":
            raise SensorError("The simulated sensor has its fault `error`. Set `fault` to none.")
        if fault == "silent":
            time.sleep(DAY_S)
        swing = self.settings["amplitude"] * math.sin(2 * math.pi * (time.time() % DAY_S) / DAY_S)
        temperature = self.settings["temperature"] + swing
        if fault == "noise" and self._reads % 2:
            temperature += 60.0
        is_valid = fault not in {"power_on", "unplugged"}
        temperature = {"power_on": 85.0, "unplugged": -127.0}.get(fault, temperature)
        return [
            Sample("temperature", "temperature", temperature, "Simulated temperature", is_valid=is_valid),
            Sample("humidity", "humidity", self.settings["humidity"], "Simulated humidity"),
        ]
