"""Events about sensors and channels that are missing or have returned."""

from __future__ import annotations

import pytest

from monitoring.sensors.messages import SampleMessage
from monitoring.sensors.monitor import STEADY_S, AbsenceReports, SensorMonitor

WALL_MS = 1_800_000_000_000


class Bus:
    """Two thermometers, read every second, and what is reported of them."""

    def __init__(self) -> None:
        self.monitor = SensorMonitor("uuid", "bus", "digitemp", "main", 1.0, now=0.0, wall_ms=WALL_MS)
        self.reports = AbsenceReports()
        self.now = 0.0

    def pass_seconds(self, seconds: int, *channels: str) -> list[tuple[str, str]]:
        """Kind and channel of each report while these channels give values."""
        found = []
        for _ in range(seconds):
            self.now += 1.0
            samples = [
                SampleMessage(channel=one, quantity="temperature", value=5.0, label="", age_s=0.0, is_valid=True)
                for one in channels
            ]
            self.monitor.record(samples, 0.0, self.now, WALL_MS)
            self.monitor.check_missing(self.now, WALL_MS)
            found += self.reports.next_reports(self.monitor, self.now)
        return [(report.kind, report.channel) for report in found]


@pytest.fixture
def bus() -> Bus:
    return Bus()


def test_a_sensor_that_works_gives_no_reports(bus: Bus) -> None:
    assert bus.pass_seconds(100, "a", "b") == []


def test_a_silent_sensor_is_reported_once(bus: Bus) -> None:
    bus.pass_seconds(5, "a", "b")
    assert bus.pass_seconds(100) == [("sensor.missing", "")]


def test_a_sensor_that_never_answered_is_reported(bus: Bus) -> None:
    assert bus.pass_seconds(10) == [("sensor.missing", "")]


def test_one_silent_thermometer_is_reported_by_itself(bus: Bus) -> None:
    bus.pass_seconds(5, "a", "b")
    assert bus.pass_seconds(100, "a") == [("sensor.missing", "b")]


def test_a_return_is_reported_when_it_has_lasted(bus: Bus) -> None:
    bus.pass_seconds(5, "a", "b")
    bus.pass_seconds(5)
    assert bus.pass_seconds(int(STEADY_S) - 2, "a", "b") == []
    assert bus.pass_seconds(10, "a", "b") == [("sensor.returned", "")]


def test_a_thermometer_that_returns_is_reported(bus: Bus) -> None:
    bus.pass_seconds(5, "a", "b")
    bus.pass_seconds(5, "a")
    assert bus.pass_seconds(40, "a", "b") == [("sensor.returned", "b")]


def test_a_loose_contact_does_not_fill_the_events(bus: Bus) -> None:
    bus.pass_seconds(5, "a", "b")
    reports = [report for _ in range(20) for report in bus.pass_seconds(6) + bus.pass_seconds(6, "a", "b")]
    assert reports == [("sensor.missing", "")]
