"""Discovery of serial ports."""

from __future__ import annotations

from pathlib import Path

from monitoring.sensors.serial_ports import find_ports, readable_name


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
