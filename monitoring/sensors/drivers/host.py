"""The machine itself: temperatures, load, memory, disks, battery, network and clock. Django-free."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.outgoing import OutgoingGuard
from core.times.clocks import read_kernel_clock
from monitoring.sensors.driver import Found, Sample, SensorDriver, SensorError, SettingsAt
from monitoring.sensors.values import channel_of, finite_number

GROUPS = ("temperature", "load", "cpu", "memory", "disks", "battery", "network", "clock")
INTERFACES = Path("/sys/class/net")
Counters = Mapping[str, tuple[int, int]]
"""Network card -> bytes received and sent since the machine started."""


class HostSensor(SensorDriver):
    """What the machine does not have is left out. CPU percent and network rates are those since the last reading, so
    the first reading has none."""

    settings_model = SettingsAt("monitoring.sensors.settings.HostSettings")
    shortest_interval_s = 0.5
    on_dashboard = ("temperature:*:0", "cpu", "memory", "disk:*", "battery")

    def __init__(self, settings: Mapping[str, Any], guard: OutgoingGuard) -> None:
        super().__init__(settings, guard)
        self._groups, self._disks = entries(settings["groups"]), entries(settings["disks"])
        self._has_cpu_percent = False
        self._network: tuple[float, Counters] | None = None

    @classmethod
    def detect(cls, deadline_s: float) -> list[Found]:
        return [Found("host", "This machine", {}, "Temperatures, load, memory, disks, network and clock.")]

    def read(self, deadline_s: float) -> list[Sample]:
        readers: dict[str, Callable[[], Iterator[Sample]]] = {
            "temperature": self._read_temperatures,
            "load": self._read_load,
            "cpu": self._read_cpu,
            "memory": self._read_memory,
            "disks": self._read_disks,
            "battery": self._read_battery,
            "network": self._read_network,
            "clock": self._read_clock,
        }
        samples: list[Sample] = []
        for group in self._groups:
            try:
                samples += readers[group]()
            except OSError as error:
                raise SensorError(
                    f"The group {group} of this machine cannot be read ({error.strerror or error}). Repair it, or leave"
                    " the group out of `groups`."
                ) from error
        return samples

    def _read_temperatures(self) -> Iterator[Sample]:
        import psutil

        for chip, found in psutil.sensors_temperatures().items():
            for place, sensor in enumerate(found):
                name = f"{chip} {sensor.label or place}"
                if (celsius := finite_number(sensor.current)) is not None:
                    yield Sample(channel_of(f"temperature:{chip}:{place}"), "temperature", celsius, name)

    def _read_load(self) -> Iterator[Sample]:
        for minutes, load in zip((1, 5, 15), os.getloadavg(), strict=True):
            yield Sample(f"load:{minutes}", "load", load, f"Load over {minutes} min")

    def _read_cpu(self) -> Iterator[Sample]:
        import psutil

        percent = psutil.cpu_percent()
        # The first value is that since nothing, and always 0.
        if self._has_cpu_percent:
            yield Sample("cpu", "percent", percent, "CPU in use")
        self._has_cpu_percent = True

    def _read_memory(self) -> Iterator[Sample]:
        import psutil

        yield Sample("memory", "percent", psutil.virtual_memory().percent, "Memory in use")
        if (swap := psutil.swap_memory()).total:
            yield Sample("swap", "percent", swap.percent, "Swap in use")

    def _read_disks(self) -> Iterator[Sample]:
        mounted = mount_points()
        for path in self._disks:
            # Of no other path: the channel would say which folders this machine has.
            if os.path.normpath(path) not in mounted:
                continue
            try:
                found = os.statvfs(path)
            except OSError:
                # As one that is not mounted: its channel is missing, the others go on.
                continue
            if found.f_blocks:
                # For a user without special rights.
                free = 100.0 * found.f_bavail / found.f_blocks
                yield Sample(channel_of(f"disk:{path}"), "percent", free, f"Free of {path}"[:80])

    def _read_battery(self) -> Iterator[Sample]:
        import psutil

        battery = psutil.sensors_battery()
        if battery is not None and 0 <= battery.percent <= 100:
            yield Sample("battery", "percent", float(battery.percent), "Battery")

    def _read_network(self) -> Iterator[Sample]:
        now, counters = time.monotonic(), read_counters()
        before, self._network = self._network, (now, counters)
        if before is None or now <= before[0]:
            return
        for name, (received, sent) in counters.items():
            last = before[1].get(name)
            # Counters that went back are those of another interface of this name.
            if last is None or received < last[0] or sent < last[1]:
                continue
            duration_s = now - before[0]
            rates = {"received": (received - last[0]) / duration_s, "sent": (sent - last[1]) / duration_s}
            for direction, rate in rates.items():
                yield Sample(channel_of(f"network:{name}:{direction}"), "bytes_per_second", rate, f"{name} {direction}")

    def _read_clock(self) -> Iterator[Sample]:
        # None while the clock is not synchronised: what it is off by is not known then.
        offset_s = read_kernel_clock().offset_s
        if offset_s is not None:
            yield Sample("clock", "offset", offset_s, "Clock offset")


def entries(text: str) -> tuple[str, ...]:
    """Those of a text with commas, each once."""
    return tuple(dict.fromkeys(entry.strip() for entry in text.split(",") if entry.strip()))


def mount_points() -> set[str]:
    """As the kernel lists them: no disk is asked, which may hang."""
    import psutil

    return {one.mountpoint for one in psutil.disk_partitions(all=True)}


def read_counters() -> Counters:
    """Those of the network cards of the machine."""
    import psutil

    found = psutil.net_io_counters(pernic=True)
    return {name: (one.bytes_recv, one.bytes_sent) for name, one in found.items() if is_card(name)}


def is_card(name: str, interfaces: Path = INTERFACES) -> bool:
    """Whether the interface is a card: loopback, bridges, tunnels and those of containers have no device."""
    return (interfaces / name / "device").exists()
