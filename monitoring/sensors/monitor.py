"""`SensorMonitor`: what is known of one sensor: its state, its channels, and its dew point if it measures temperature
and humidity. `AbsenceReports`: which events say that a sensor, or a channel of it, is missing or has returned. Pure
and Django-free: times are arguments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.readings.reading import MISSING_AFTER, JudgedReading, SensorState
from core.times.timestamps import stamp_ms
from monitoring.sensors.channels import MAX_CHANNELS, ChannelId, ChannelSettings, SensorChannels
from monitoring.sensors.messages import SampleMessage

DEW_POINT = "dew_point"

# Over water, from -45 to 60 °C. Source: Sonntag 1990, Z. Meteorol. 70, 340.
B, C = 17.62, 243.12


def dew_point(temperature_celsius: float, humidity_percent: float) -> float | None:
    """The dew point in °C. None where it is not defined: dry air, or a temperature of -243.12 °C and below."""
    if not 0 < humidity_percent <= 100 or temperature_celsius <= -C:
        return None
    gamma = math.log(humidity_percent / 100) + B * temperature_celsius / (C + temperature_celsius)
    return C * gamma / (B - gamma) if gamma < B else None


def dew_point_sample(readings: Sequence[JudgedReading]) -> SampleMessage | None:
    """The computed dew point of a sensor that has none, with one temperature and one humidity: only then they belong
    together for certain."""
    if any(reading.quantity == DEW_POINT for reading in readings):
        return None
    temperatures = [one for one in readings if one.quantity == "temperature"]
    humidities = [one for one in readings if one.quantity == "humidity"]
    if len(temperatures) != 1 or len(humidities) != 1:
        return None
    temperature, humidity = temperatures[0], humidities[0]
    if {temperature.quality, humidity.quality} != {"ok"} or temperature.value is None or humidity.value is None:
        return None
    value = dew_point(temperature.value, humidity.value)
    if value is None:
        return None
    return SampleMessage(
        channel=DEW_POINT, quantity=DEW_POINT, value=value, label="Dew point (computed)", age_s=0.0, is_valid=True
    )


class SensorMonitor:
    """`now` is monotonic, in seconds; `wall_ms` the wall clock in milliseconds."""

    def __init__(self, sensor: str, name: str, kind: str, host: str, interval_s: float, now: float, wall_ms: int):
        self.name, self.kind, self.host = name, kind, host
        self.interval_s = interval_s
        self._channels = SensorChannels(sensor, name)
        self._state, self._message, self._since_ms = "starting", "", wall_ms
        self._took_s = 0.0
        self._began_at = now

    def configure(self, settings: Mapping[ChannelId, ChannelSettings], now: float) -> None:
        self._channels.configure(settings, self.effective_interval_s, now)

    def record(self, samples: Iterable[SampleMessage], took_s: float, now: float, wall_ms: int) -> list[JudgedReading]:
        """The readings of one message of the sensor's process."""
        self._took_s = took_s
        readings = self._record(samples, now, wall_ms)
        if (computed := dew_point_sample(readings)) is not None:
            readings += self._record([computed], now, wall_ms)
        too_many = f"{self.name} has more than {MAX_CHANNELS} channels; the others are left out."
        message = too_many if self._channels.are_too_many else ""
        if readings or self._state == "starting":
            self._set_state("ok" if readings else "starting", message, wall_ms)
        return readings

    def record_error(self, message: str, wall_ms: int) -> None:
        self._set_state("error", message, wall_ms)

    def check_missing(self, now: float, wall_ms: int) -> list[JudgedReading]:
        """One reading without a value for each channel that has become missing."""
        found = self._channels.check_missing(self.effective_interval_s, now, wall_ms)
        if self._state != "error" and self.is_missing(now):
            self._set_state("missing", f"{self.name} has sent nothing for {self.missing_after_s:g} s.", wall_ms)
        return found

    def is_missing(self, now: float) -> bool:
        """Whether all its channels are, or it has given no value since the start."""
        if not self._channels:
            return now - self._began_at > self.missing_after_s
        return len(self._channels.missing()) == len(self._channels)

    def missing_channels(self) -> frozenset[ChannelId]:
        return self._channels.missing()

    def label(self, channel_id: ChannelId) -> str:
        return self._channels.label(channel_id)

    @property
    def message(self) -> str:
        """Why it gives no values; empty if it does, or if that is not known."""
        return self._message

    @property
    def missing_after_s(self) -> float:
        return MISSING_AFTER * self.effective_interval_s

    @property
    def effective_interval_s(self) -> float:
        """A bus of many thermometers may need longer than the interval for one reading."""
        return max(self.interval_s, self._took_s)

    def state(self) -> SensorState:
        return SensorState(
            sensor=self.name,
            kind=self.kind,
            host=self.host,
            interval_s=self.interval_s,
            state=self._state,
            message=self._message,
            since=stamp_ms(self._since_ms),
            channels=self._channels.newest(),
        )

    def _record(self, samples: Iterable[SampleMessage], now: float, wall_ms: int) -> list[JudgedReading]:
        interval_s = self.effective_interval_s
        judged = (self._channels.record(sample, interval_s, now, wall_ms) for sample in samples)
        return [reading for reading in judged if reading is not None]

    def _set_state(self, state: str, message: str, wall_ms: int) -> None:
        if state != self._state:
            self._since_ms = wall_ms
        self._state, self._message = state, message


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
