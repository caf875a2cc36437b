"""The USB bus: which device is on which port, and a reset of a port."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cameras.supervision.usb import UsbError, UsbIdentity, refusal
from tests.harness.far_ends.usbdevfs.usb_bus import FakeBus, build
from tests.harness.waiting import PATIENCE_S

NIKON = UsbIdentity("04b0", "0439", "3004")
CHEAP = UsbIdentity("046d", "0825")
RESET = """
import sys
from pathlib import Path
from cameras.supervision.usb import UsbBus
bus = UsbBus(Path(sys.argv[1], "sys"), Path(sys.argv[1], "nodes"))
bus.reset_port(bus.device_at("usb:001,007"))
"""


@pytest.fixture
def fake_bus(tmp_path: Path) -> FakeBus:
    return FakeBus(tmp_path)


def test_a_camera_is_found_by_its_serial_on_any_port(fake_bus: FakeBus) -> None:
    fake_bus.plug("1-1", 4, serial="3003")
    fake_bus.plug("1-2", 5, serial="3004")
    assert [fake_bus.bus.find_device(NIKON), fake_bus.bus.device_at("usb:001,005")] == [
        fake_bus.bus.device_at("usb:001,005")
    ] * 2
    fake_bus.unplug("1-2")
    assert fake_bus.bus.find_device(NIKON) is None
    fake_bus.plug("1-3", 9, serial="3004")
    found = fake_bus.bus.find_device(NIKON)
    assert found is not None
    assert found.place == "usb:001,009"


def test_two_like_cameras_without_a_serial_number_are_not_confused(fake_bus: FakeBus) -> None:
    fake_bus.plug("1-1", 4, CHEAP.vendor, CHEAP.product)
    found = fake_bus.bus.find_device(CHEAP)
    assert found is not None
    fake_bus.plug("1-2", 5, CHEAP.vendor, CHEAP.product)
    assert fake_bus.bus.find_device(CHEAP) is None


def test_a_device_that_hangs_does_not_block_finding_another_model(fake_bus: FakeBus) -> None:
    fake_bus.plug("1-1", 4, CHEAP.vendor, CHEAP.product)
    fake_bus.hang("1-1")
    fake_bus.plug("1-2", 5, serial="3004")
    found = fake_bus.bus.find_device(NIKON)
    assert found is not None
    assert found == fake_bus.bus.device_at("usb:001,005")


def test_a_video_device_is_an_interface_of_the_usb_device_above_it(fake_bus: FakeBus) -> None:
    fake_bus.plug("1-2", 5, serial="3004")
    interface = fake_bus.devices / "1-2" / "1-2:1.0"
    interface.mkdir()
    video = fake_bus.bus.sysfs / "class" / "video4linux" / "video3"
    video.mkdir(parents=True)
    (video / "device").symlink_to(interface)
    assert fake_bus.bus.device_at("/dev/video3") == fake_bus.bus.find_device(NIKON)


def test_a_camera_whose_library_knows_no_ports_is_found_by_its_serial_number(fake_bus: FakeBus) -> None:
    fake_bus.plug("1-1", 4, serial="3003")
    fake_bus.plug("1-2", 5, serial="3004")
    assert fake_bus.bus.device_at("3004") == fake_bus.bus.find_device(NIKON)


@pytest.mark.parametrize("place", ["", "usb:001,099", "/dev/video8", "rtsp://camera/"])
def test_a_place_without_a_port_is_no_usb_device(fake_bus: FakeBus, place: str) -> None:
    fake_bus.plug("1-2", 5, serial="3004")
    assert fake_bus.bus.device_at(place) is None


def test_a_reset_reaches_the_node_of_the_device(fake_bus: FakeBus, tmp_path: Path) -> None:
    node = fake_bus.plug("1-2", 7, serial="3004")
    environment = os.environ | {"LD_PRELOAD": str(build(tmp_path))}
    subprocess.run([sys.executable, "-c", RESET, str(tmp_path)], env=environment, check=True, timeout=PATIENCE_S)
    assert node.read_text() == "reset\n"


def test_a_node_that_is_no_usb_device_is_refused_in_a_sentence(fake_bus: FakeBus) -> None:
    fake_bus.plug("1-2", 7, serial="3004")
    device = fake_bus.bus.find_device(NIKON)
    assert device is not None
    with pytest.raises(UsbError, match=r"001/007 could not be reset: Inappropriate ioctl"):
        fake_bus.bus.reset_port(device)


def test_the_message_about_a_read_only_node_has_the_udev_rule() -> None:
    message = refusal(PermissionError(errno.EACCES, "Permission denied"), "/dev/bus/usb/001/007", NIKON)
    assert 'ATTR{idVendor}=="04b0", ATTR{idProduct}=="0439"' in message
    assert "/etc/udev/rules.d/70-skycam.rules" in message
