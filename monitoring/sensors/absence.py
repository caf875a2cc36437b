"""`AbsenceReports`: which events say that a sensor, or a channel of it, is missing or has returned. Pure and
Django-free: `now` is monotonic, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monitoring.sensors.channels import ChannelId
from monitoring.sensors.monitor import SensorMonitor

STEADY_S = 30.0
"""How long values must have come before a return is reported: a loose contact makes two events in this time."""


@dataclass(frozen=True, slots=True)
class AbsenceReport:
    kind: Literal["sensor.missing", "sensor.returned"]
    channel: str
    """Empty for the whole sensor."""
    message: str


class AbsenceReports:
    """Of one sensor."""

    def __init__(self) -> None:
        self._sensor_reported = False
        self._channels_reported: set[ChannelId] = set()
        self._last_missing: dict[ChannelId | None, float] = {}
        """When the sensor (None) or a channel was missing last."""

    def next_reports(self, monitor: SensorMonitor, now: float) -> list[AbsenceReport]:
        """What is to be reported now, once."""
        missing = monitor.missing_channels()
        if monitor.is_missing(now):
            self._last_missing[None] = now
            return self._report_sensor(monitor)
        self._last_missing |= dict.fromkeys(missing, now)
        if self._sensor_reported:
            if not self._is_steady(None, now):
                return []
            self._sensor_reported = False
            return [AbsenceReport("sensor.returned", "", f"The sensor {monitor.name} gives values again.")]
        return [*self._report_channels(monitor, missing), *self._report_returned(monitor, missing, now)]

    def _report_sensor(self, monitor: SensorMonitor) -> list[AbsenceReport]:
        if self._sensor_reported:
            return []
        self._sensor_reported = True
        self._channels_reported.clear()
        why = f" {monitor.message}" if monitor.message else ""
        return [AbsenceReport("sensor.missing", "", f"The sensor {monitor.name} gives no values.{why}")]

    def _report_channels(self, monitor: SensorMonitor, missing: frozenset[ChannelId]) -> list[AbsenceReport]:
        new = sorted(missing - self._channels_reported)
        self._channels_reported |= missing
        return [
            AbsenceReport(
                "sensor.missing", one[0], f"{monitor.label(one)} of the sensor {monitor.name} gives no values."
            )
            for one in new
        ]

    def _report_returned(
        self, monitor: SensorMonitor, missing: frozenset[ChannelId], now: float
    ) -> list[AbsenceReport]:
        returned = sorted(one for one in self._channels_reported - missing if self._is_steady(one, now))
        self._channels_reported.difference_update(returned)
        return [
            AbsenceReport(
                "sensor.returned", one[0], f"{monitor.label(one)} of the sensor {monitor.name} gives values again."
            )
            for one in returned
        ]

    def _is_steady(self, what: ChannelId | None, now: float) -> bool:
        return now - self._last_missing.get(what, now - STEADY_S) >= STEADY_S
