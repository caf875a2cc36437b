"""Serial ports of this machine: their stable names, and who holds one. Opens none. Django-free."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.device_holders import ANOTHER_PROGRAM, find_holders, format_holders, format_holders_with_commands
from monitoring.sensors.driver import SensorError

MAX_PORTS = 50
USB_PATTERNS = ("ttyUSB*", "ttyACM*")
# Not ttyS*: the kernel creates several of them on machines that have none.


@dataclass(frozen=True, slots=True)
class SerialPort:
    """`path` is its name by serial number, if it has one: it stays the same at another socket and after a restart."""

    path: str
    label: str
    holder: str = ""
    """The program that has it open; empty if none is known."""


def check_port(port: str) -> str:
    """`port` if it is the path of a device. ValueError."""
    if not port.startswith("/dev/") or ".." in port.split("/"):
        raise ValueError("port is not valid; allowed is the path of a serial port such as /dev/ttyUSB0.")
    return port


def find_ports(devices: Path = Path("/dev")) -> Iterator[SerialPort]:
    """The USB serial ports in `devices`."""
    named = {os.path.realpath(path): str(path) for path in sorted(devices.glob("serial/by-id/*"))}
    nodes = sorted(str(path) for pattern in USB_PATTERNS for path in devices.glob(pattern))
    for node in nodes[:MAX_PORTS]:
        path = named.get(os.path.realpath(node), node)
        yield SerialPort(path, readable_name(path), format_holders(find_holders(os.path.realpath(node))))


def only_free_port(ports: Iterable[SerialPort]) -> str:
    """The one port that no program has open. SensorError if there is none, or several."""
    free = [port.path for port in ports if not port.holder]
    if len(free) == 1:
        return free[0]
    if not free:
        raise SensorError("No free serial port was found. Plug in the device, or set `port`.")
    raise SensorError(f"There are {len(free)} free serial ports. Set `port` to one of them: {', '.join(free)[:500]}")


def readable_name(path: str) -> str:
    """`Arduino Uno 754` of `/dev/serial/by-id/usb-Arduino_Uno_754-if00-port0`, at most 80 characters."""
    name = os.path.basename(path).removeprefix("usb-").partition("-if")[0].replace("_", " ")
    return "".join(sign for sign in name if sign.isprintable())[:80]


def held_sentence(port: str) -> str:
    """Who holds the port, and how to end it."""
    found = list(find_holders(os.path.realpath(port)))
    holder = format_holders_with_commands(found) if found else ANOTHER_PROGRAM
    return f"The port {port} is in use by {holder}. Stop it, or give the sensor another port."
