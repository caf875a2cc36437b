"""A USB bus in a folder: what the kernel shows in sysfs, and the nodes of its devices."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cameras.supervision.usb import UsbBus
from tests.harness.waiting import PATIENCE_S

SOURCE = Path(__file__).with_name("reset.c")


class FakeBus:
    """`plug` and `unplug` devices; `bus` is how the station sees them."""

    def __init__(self, folder: Path) -> None:
        self.devices = folder / "sys" / "bus" / "usb" / "devices"
        self.nodes = folder / "nodes"
        self.devices.mkdir(parents=True)
        self.bus = UsbBus(folder / "sys", self.nodes)

    def plug(self, port: str, number: int, vendor: str = "04b0", product: str = "0439", serial: str = "") -> Path:
        """Into a port such as `1-2` of bus 1; its node."""
        described = {"busnum": "1", "devnum": str(number), "idVendor": vendor, "idProduct": product}
        hidden = self.devices / f"new {port}"
        hidden.mkdir()
        for name, value in (described | ({"serial": serial} if serial else {})).items():
            (hidden / name).write_text(f"{value}\n")
        hidden.rename(self.devices / port)
        node = self.nodes / "001" / f"{number:03}"
        node.parent.mkdir(parents=True, exist_ok=True)
        node.touch()
        return node

    def add_interface(self, port: str, interface_class: str, driver: str = "") -> None:
        """An interface of the device in this port, and the kernel driver that has claimed it."""
        folder = self.devices / f"{port}:1.0"
        folder.mkdir()
        (folder / "bInterfaceClass").write_text(f"{interface_class}\n")
        if driver:
            (folder / "driver").symlink_to(f"../../../../bus/usb/drivers/{driver}")

    def hang(self, port: str) -> Path:
        """Reading the serial number of this device waits until a test writes into the returned file."""
        serial = self.devices / port / "serial"
        serial.unlink(missing_ok=True)
        os.mkfifo(serial)
        return serial

    def unplug(self, port: str) -> None:
        shutil.rmtree(self.devices / port)


def build(folder: Path) -> Path:
    """A library to preload, with which a reset succeeds and leaves a line in the node."""
    library = folder / "reset.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True, timeout=PATIENCE_S)
    return library
