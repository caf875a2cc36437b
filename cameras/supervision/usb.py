"""The USB bus as the kernel shows it: which camera is attached where, without opening it, and a reset of its port."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import queue
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)
USBDEVFS_RESET = 0x5514
"""_IO('U', 20) of <linux/usbdevice_fs.h>."""
VIDEO = re.compile(r"/dev/(video\d{1,3})")
PORT = re.compile(r"usb:\d+,\d+")
Wanted = Callable[[str, str, str], bool]
RULES = "/etc/udev/rules.d/70-skycam.rules"


class UsbError(Exception):
    """A reset failed. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class UsbIdentity:
    """What stays the same on every port. Cheap cameras have no serial number."""

    vendor: str
    product: str
    serial: str = ""


@dataclass(frozen=True, slots=True)
class UsbDevice:
    identity: UsbIdentity
    bus: int
    number: int
    """Changes when the device is replugged."""

    @property
    def place(self) -> str:
        return _place(self.bus, self.number)


class UsbBus:
    """`sysfs` and `nodes` are the paths on a Linux machine; tests pass others."""

    def __init__(self, sysfs: Path = Path("/sys"), nodes: Path = Path("/dev/bus/usb")) -> None:
        self.sysfs, self.nodes = sysfs, nodes

    def device_at(self, place: str) -> UsbDevice | None:
        """The device at a driver's `place()`; None when it is not on a USB port."""
        if video := VIDEO.fullmatch(place):
            return self._above(self.sysfs / "class" / "video4linux" / video[1] / "device")
        if PORT.fullmatch(place):
            return next(self.devices(lambda place_there, *_: place_there == place), None)
        here = [device for device in self.devices() if place and place == device.identity.serial]
        return here[0] if len(here) == 1 else None

    def identity_at(self, place: str, within_s: float) -> UsbIdentity | None:
        """As `device_at`; None also when the search takes longer, because the kernel blocks it for another device."""
        found: queue.SimpleQueue[UsbDevice | None] = queue.SimpleQueue()
        search = threading.Thread(target=lambda: found.put(self.device_at(place)), name="usb-identity", daemon=True)
        search.start()
        try:
            device = found.get(timeout=within_s)
        except queue.Empty:
            log.warning(
                "The USB device at %s was not found in %g s: a device on the bus does not answer.", place, within_s
            )
            return None
        return device.identity if device else None

    def find_device(self, identity: UsbIdentity) -> UsbDevice | None:
        """The device, on any port. None when two devices without a serial number are alike."""
        model = (identity.vendor, identity.product)
        alike = self.devices(lambda _, *model_there: model_there == model)
        found = [device for device in alike if device.identity == identity]
        # Between two that are alike a choice would be a guess, and the wrong camera would be reset.
        return found[0] if len(found) == 1 else None

    def devices(self, wanted: Wanted = lambda *_: True) -> Iterator[UsbDevice]:
        """The devices that are `wanted`, by place, vendor and product. The serial number of others is not read, because
        the kernel blocks while another program holds the device."""
        # Devices are named by their port, such as `1-2.3`. Interfaces, `1-2.3:1.0`, match as well but have no `busnum`.
        for folder in sorted((self.sysfs / "bus" / "usb" / "devices").glob("[0-9]*-*")):
            if device := _device(folder, wanted):
                yield device

    def _above(self, link: Path) -> UsbDevice | None:
        """A video device is an interface of the USB device above it in sysfs."""
        folder = link.resolve()
        return next((device for one in (folder, *folder.parents) if (device := _device(one))), None)

    def reset_port(self, device: UsbDevice) -> None:
        """Reset the port, as if the device were unplugged for a moment. Takes up to several seconds. Raises
        UsbError."""
        node = self.nodes / f"{device.bus:03}" / f"{device.number:03}"
        try:
            # The kernel refuses this ioctl on a descriptor that was opened for reading only.
            file = os.open(node, os.O_WRONLY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(file, USBDEVFS_RESET, 0)
            finally:
                os.close(file)
        except OSError as error:
            raise UsbError(refusal(error, str(node), device.identity)) from None


def refusal(error: OSError, node: str, identity: UsbIdentity) -> str:
    """Why a device could not be reset, and what to do."""
    if error.errno in (errno.EACCES, errno.EPERM):
        rule = (
            f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{identity.vendor}", ATTR{{idProduct}}=="{identity.product}", '
            'MODE="0660", GROUP="plugdev"'
        )
        return (
            f"{node} may not be written. Add this line to {RULES}, add the user that runs Skycam to the group "
            f"plugdev, and replug the camera: {rule}"
        )
    return f"{node} could not be reset: {error.strerror}."


def _place(bus: int, number: int) -> str:
    return f"usb:{bus:03},{number:03}"


def _device(folder: Path, wanted: Wanted = lambda *_: True) -> UsbDevice | None:
    """None for an unwanted device, an interface, and a device that is being unplugged."""
    serial = folder / "serial"
    try:
        bus, number = int(_text(folder / "busnum")), int(_text(folder / "devnum"))
        vendor, product = _text(folder / "idVendor"), _text(folder / "idProduct")
        if not wanted(_place(bus, number), vendor, product):
            return None
        return UsbDevice(UsbIdentity(vendor, product, _text(serial) if serial.exists() else ""), bus, number)
    except (OSError, ValueError):
        return None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip()
