"""The real digitemp_DS9097 on a bus of DS18B20s."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.sensors.driver import Sample, SensorDriver, SensorError
from monitoring.sensors.drivers import digitemp
from monitoring.sensors.drivers.digitemp import DigitempSensor, is_temperature, parse_value
from monitoring.sensors.serial_ports import SerialPort
from monitoring.sensors.settings import checked_settings
from tests.harness.far_ends.ds9097 import Ds9097
from tests.harness.waiting import eventually
from tests.monitoring.sensors.far_ends import DEADLINE_S, SHORT_S, driver_of


@pytest.fixture
def bus() -> Iterator[Ds9097]:
    with Ds9097(23.5, -7.0625) as bus:
        yield bus


@pytest.fixture
def driver(bus: Ds9097) -> Iterator[SensorDriver]:
    driver = driver_of("digitemp", {"port": bus.port})
    driver.open(DEADLINE_S)
    yield driver
    driver.close()


def values(samples: list[Sample]) -> dict[str, tuple[float, bool]]:
    return {sample.channel: (sample.value, sample.is_valid) for sample in samples}


def test_each_thermometer_is_a_channel_named_by_its_rom(driver: SensorDriver, bus: Ds9097) -> None:
    first, second = bus.roms
    assert values(driver.read(DEADLINE_S)) == {first: (23.5, True), second: (-7.0625, True)}


def test_a_thermometer_that_warms_is_followed(driver: SensorDriver, bus: Ds9097) -> None:
    bus.set_temperature(31.25)
    assert values(driver.read(DEADLINE_S))[bus.roms[0]] == (31.25, True)


def test_what_a_thermometer_gives_without_power_is_invalid(driver: SensorDriver, bus: Ds9097) -> None:
    first, second = bus.roms
    bus.set_temperature(85.0, first)
    bus.set_temperature(-127.0, second)
    assert values(driver.read(DEADLINE_S)) == {first: (85.0, False), second: (-127.0, False)}


def test_a_thermometer_whose_checksum_is_wrong_gives_no_value_and_the_other_one_does(
    driver: SensorDriver, bus: Ds9097
) -> None:
    first, second = bus.roms
    bus.break_crc(first)
    assert list(values(driver.read(DEADLINE_S))) == [second]


def test_a_broken_thermometer_delays_the_others_once(
    driver: SensorDriver, bus: Ds9097, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digitemp, "SEARCH_AFTER_LOSS_S", 3600.0)
    bus.break_crc()
    driver.read(DEADLINE_S)
    bus.addressed.clear()
    assert list(values(driver.read(DEADLINE_S))) == [bus.roms[1]]
    assert set(bus.addressed) == {bus.roms[1]}


def test_a_thermometer_that_was_removed_gives_no_value_and_the_other_one_does(
    driver: SensorDriver, bus: Ds9097
) -> None:
    bus.remove()
    assert list(values(driver.read(DEADLINE_S))) == bus.roms


def test_a_thermometer_that_came_back_is_found(
    driver: SensorDriver, bus: Ds9097, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.sensors.drivers.digitemp.SEARCH_AFTER_LOSS_S", 0.0)
    bus.break_crc()
    driver.read(DEADLINE_S)
    bus.break_crc(broken=False)
    assert sorted(values(driver.read(DEADLINE_S))) == sorted(bus.roms)


def test_a_new_thermometer_is_found_by_the_next_search(bus: Ds9097, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.sensors.drivers.digitemp.SEARCH_EVERY_S", 0.0)
    driver = driver_of("digitemp", {"port": bus.port})
    driver.open(DEADLINE_S)
    rom = bus.add(1.5)
    assert values(driver.read(DEADLINE_S))[rom] == (1.5, True)
    driver.close()


def test_more_thermometers_than_fit_into_a_reading_have_their_turns(
    driver: SensorDriver, bus: Ds9097, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digitemp, "LEAST_CALL_S", DEADLINE_S)  # so much is left for the first alone
    readings = [list(values(driver.read(DEADLINE_S))) for _ in range(2)]
    assert [len(reading) for reading in readings] == [1, 1]
    assert sorted(readings[0] + readings[1]) == sorted(bus.roms)


def test_an_adapter_that_is_silent_is_an_error(driver: SensorDriver, bus: Ds9097) -> None:
    bus.go_silent()
    with pytest.raises(SensorError, match="does not answer"):
        driver.read(SHORT_S)
    with pytest.raises(SensorError, match="does not answer"):
        driver.open(SHORT_S)


def test_a_silent_adapter_that_was_found_by_itself_is_named(bus: Ds9097, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digitemp, "adapter_ports", lambda: [SerialPort(bus.port, "adapter")])
    bus.go_silent()
    with pytest.raises(SensorError, match=f"at {bus.port} does not answer"):
        driver_of("digitemp", {}).open(SHORT_S)


def test_no_program_is_left_behind_by_a_silent_adapter(driver: SensorDriver, bus: Ds9097) -> None:
    bus.go_silent()
    with pytest.raises(SensorError):
        driver.read(SHORT_S)
    eventually(lambda: not [child for child in psutil.Process().children(recursive=True) if "digitemp" in child.name()])


def test_a_bus_without_thermometers_is_an_error(bus: Ds9097) -> None:
    bus.remove()
    bus.remove()
    with pytest.raises(SensorError, match=r"has no thermometer. Check its wiring"):
        driver_of("digitemp", {"port": bus.port}).open(DEADLINE_S)


def test_a_port_in_use_names_its_holder(bus: Ds9097) -> None:
    descriptor = os.open(bus.port, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(SensorError, match=rf"{bus.port} is in use by"):
        driver_of("digitemp", {"port": bus.port}).open(DEADLINE_S)
    os.close(descriptor)


def test_a_missing_port_is_an_error_that_may_go_away() -> None:
    with pytest.raises(SensorError, match=r"/dev/ttyUSB77 does not exist. Plug in") as caught:
        driver_of("digitemp", {"port": "/dev/ttyUSB77"}).open(DEADLINE_S)
    assert not caught.value.permanent


def test_a_device_that_is_no_serial_port_is_an_error() -> None:
    with pytest.raises(SensorError, match="cannot use the port /dev/null"):
        driver_of("digitemp", {"port": "/dev/null"}).open(DEADLINE_S)


def test_a_missing_program_is_permanent_and_says_how_to_install_it(bus: Ds9097) -> None:
    driver = DigitempSensor({"port": bus.port, "program": "digitemp_no_such"}, driver_of("host", {}).guard)
    with pytest.raises(SensorError, match="apt install digitemp") as caught:
        driver.open(DEADLINE_S)
    assert caught.value.permanent


def test_it_writes_no_file(driver: SensorDriver) -> None:
    driver.read(DEADLINE_S)
    assert not [name for name in (*os.listdir("."), *os.listdir(tempfile.gettempdir())) if "digitemprc" in name]


@pytest.mark.parametrize("port", ["ttyUSB0", "/etc/passwd", "/dev/../etc/passwd", "/dev/tty\x00", "-s"])
def test_a_port_that_is_no_device_is_refused(port: str) -> None:
    with pytest.raises(ValueError, match="port is not valid"):
        checked_settings("digitemp", {"port": port})


def test_only_known_programs_are_run() -> None:
    with pytest.raises(ValueError, match="program is not valid; allowed is digitemp_DS9097, "):
        checked_settings("digitemp", {"port": "/dev/ttyUSB0", "program": "/bin/sh"})


@pytest.mark.parametrize(
    ("celsius", "last_valid", "expected"),
    [
        (85.0, None, False),
        (85.0, 21.0, False),
        (85.0, 82.5, True),
        (84.9375, None, True),
        (-127.0, -55.0, False),
        (-55.0, None, True),
        (125.0, None, True),
        (127.9375, 125.0, False),
    ],
)
def test_85_degrees_are_a_temperature_after_a_value_near_them(
    celsius: float, last_valid: float | None, expected: bool
) -> None:
    assert is_temperature(celsius, last_valid) is expected


@pytest.mark.parametrize(
    "line",
    [
        "",
        "CRC Failed. CRC is A5 instead of 0x00",
        "Nov 20 06:43:15 Sensor 0 C: -7.06 F: 19.29",
        "1795156996;1;28D2029649000060;23.5",
        "1795156996;1;28D2029649000060;nan",
        "1795156996;1;28D202964900;23.5000",
        "1795156996;1;28D2029649000060;23.5000;40",
    ],
)
def test_another_line_has_no_value(line: str) -> None:
    assert parse_value(line) is None


@given(st.text())
def test_no_line_raises(line: str) -> None:
    parse_value(line)
