"""Discovery of serial ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring.sensors.driver import SensorError
from monitoring.sensors.serial_ports import SerialPort, find_ports, only_free_port, readable_name


def test_a_port_has_its_name_by_serial_number(tmp_path: Path) -> None:
    named = tmp_path / "serial" / "by-id"
    named.mkdir(parents=True)
    (tmp_path / "ttyACM0").touch()
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "ttyS0").touch()
    (named / "usb-Arduino__www.arduino.cc__0043_754-if00").symlink_to("../../ttyACM0")
    found = [(Path(port.path).name, port.label) for port in find_ports(tmp_path)]
    assert found == [
        ("usb-Arduino__www.arduino.cc__0043_754-if00", "Arduino  www.arduino.cc  0043 754"),
        ("ttyUSB0", "ttyUSB0"),
    ]


def test_a_port_that_a_program_has_open_names_it(tmp_path: Path) -> None:
    assert [port.holder for port in find_ports(tmp_path)] == []


def test_a_name_of_a_device_is_shown_without_invisible_characters() -> None:
    assert readable_name("/dev/serial/by-id/usb-Evil\u202e" + "A" * 100) == "Evil" + "A" * 76


def test_a_sensor_without_a_port_takes_the_only_free_one() -> None:
    ports = [SerialPort("/dev/ttyUSB0", "a", "digitemp"), SerialPort("/dev/ttyUSB1", "b")]
    assert only_free_port(ports) == "/dev/ttyUSB1"


@pytest.mark.parametrize(
    ("ports", "sentence"),
    [
        ([], "No free serial port was found."),
        ([SerialPort("/dev/ttyUSB0", "a", "digitemp")], "No free serial port was found."),
        ([SerialPort("/dev/a", "a"), SerialPort("/dev/b", "b")], "There are 2 free serial ports."),
    ],
)
def test_a_sensor_without_a_port_does_not_guess(ports: list[SerialPort], sentence: str) -> None:
    with pytest.raises(SensorError, match=sentence):
        only_free_port(ports)
