"""DS18B20 and similar thermometers on a 1-Wire bus, read by the program digitemp. Django-free."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any

from core.commands import CommandResult, run_command
from core.outgoing import OutgoingGuard
from monitoring.sensors.driver import Found, Sample, SensorDriver, SensorError, SettingsAt
from monitoring.sensors.serial_ports import SerialPort, find_ports, held_sentence, only_free_port

USB = "USB"
"""The port of a DS2490, which is no serial port."""
CONVERSION_MS = 750
"""The longest time that a DS18B20 takes to measure. digitemp waits it for each thermometer."""
CALL_S = 2.5
"""Deadline for one thermometer. After a wrong checksum digitemp tries again, for up to 6 s: the others do not wait."""
LEAST_CALL_S = 1.0
"""A thermometer that has less time left is read in the next call."""
SEARCH_EVERY_S = 60.0
"""How often the bus is searched for new thermometers."""
SEARCH_AFTER_LOSS_S = 10.0
"""How soon it is searched again after a thermometer gave no value. It is left out until then."""
OUTPUT_BYTES = 64 * 1024
MAX_THERMOMETERS = 100

FOUND_LINE = re.compile(r"ROM #(\d{1,4}) : ([0-9A-F]{16})")
VALUE_LINE = re.compile(r"\d{1,12};\d{1,4};([0-9A-F]{16});(-?\d{1,4}\.\d{4})")
VALUE_FORMAT = "%N;%s;%R;%.4C"
MISSING_PORT = 7
LOCKED = "Resource temporarily unavailable"

POWER_ON = 85.0
LOWEST, HIGHEST = -55.0, 125.0
"""The range of a DS18B20 in °C."""
NEAR = 5.0
"""A thermometer that gave 80 °C may give 85 °C next."""


class DigitempSensor(SensorDriver):
    """Each thermometer is a channel, named by its ROM. One that does not answer gives no value; the others go on."""

    settings_model = SettingsAt("monitoring.sensors.settings.DigitempSettings")
    shortest_interval_s = 1.0

    def __init__(self, settings: Mapping[str, Any], guard: OutgoingGuard) -> None:
        super().__init__(settings, guard)
        self._file: int | None = None
        self._port = ""
        self._roms: dict[int, str] = {}
        self._next = 0
        self._last_valid: dict[str, float] = {}
        self._search_at = 0.0

    @classmethod
    def detect(cls, deadline_s: float) -> list[Found]:
        """Serial ports where an adapter may be. Only a search of the bus would tell, and that could disturb another
        device."""
        return [
            Found(
                "digitemp",
                f"1-Wire adapter at {port.label}",
                {"port": port.path},
                f"In use by {port.holder}." if port.holder else "Any USB serial adapter looks like this one.",
            )
            for port in adapter_ports()
        ]

    def open(self, deadline_s: float) -> None:
        self.close()
        self._port = self.settings["port"] or only_free_port(adapter_ports())
        # In memory: a process that is killed leaves no file behind.
        self._file = os.memfd_create("digitemprc")
        self._search(deadline_s)

    def read(self, deadline_s: float) -> list[Sample]:
        until = time.monotonic() + deadline_s
        if not self._roms or time.monotonic() >= self._search_at:
            self._search(deadline_s)
        samples: list[Sample] = []
        # From where the last call ended: if there are too many for one call, each has its turn.
        numbers = sorted(self._roms, key=lambda number: (number < self._next, number))
        for number in numbers:
            left_s = until - time.monotonic()
            if left_s < LEAST_CALL_S and number != numbers[0]:
                break
            self._next = number + 1
            if sample := self._read_thermometer(number, min(left_s, CALL_S)):
                samples.append(sample)
            else:
                # Left out until the next search: each attempt delays the others.
                del self._roms[number]
                self._search_at = min(self._search_at, time.monotonic() + SEARCH_AFTER_LOSS_S)
        if not samples:
            raise self._no_answer()
        return samples

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def _search(self, deadline_s: float) -> None:
        """Find the thermometers. digitemp writes them into its file, where their numbers stay until the next search."""
        assert self._file is not None
        os.ftruncate(self._file, 0)
        port = self._port
        try:
            result = self._run("-i", "-s", port, "-r", str(CONVERSION_MS), "-o", VALUE_FORMAT, deadline_s=deadline_s)
        except TimeoutError as error:
            raise self._no_answer() from error
        found = FOUND_LINE.findall(result.output.decode("ascii", errors="replace"))
        if not found:
            raise SensorError(
                f"The 1-Wire bus at {port} has no thermometer. Check its wiring, and that `program` fits the adapter."
            )
        self._roms = {int(number): rom for number, rom in found[:MAX_THERMOMETERS]}
        self._search_at = time.monotonic() + SEARCH_EVERY_S

    def _read_thermometer(self, number: int, deadline_s: float) -> Sample | None:
        """None if it gives no value in time."""
        try:
            result = self._run("-t", str(number), deadline_s=deadline_s)
        except TimeoutError:
            return None
        for line in result.output.decode("ascii", errors="replace").splitlines():
            value = parse_value(line)
            if value is not None and value[0] == self._roms[number]:
                return self._sample(*value)
        return None

    def _sample(self, rom: str, celsius: float) -> Sample:
        is_valid = is_temperature(celsius, self._last_valid.get(rom))
        if is_valid:
            self._last_valid[rom] = celsius
        return Sample(rom, "temperature", celsius, f"Thermometer {rom}", is_valid=is_valid)

    def _run(self, *arguments: str, deadline_s: float) -> CommandResult:
        """TimeoutError after the deadline; SensorError if digitemp fails."""
        program, port = self.settings["program"], self._port
        file = f"/proc/{os.getpid()}/fd/{self._file}"
        try:
            result = run_command([program, "-q", "-c", file, *arguments], deadline_s, OUTPUT_BYTES, captured="both")
        except TimeoutError:
            raise
        except OSError as error:
            raise SensorError(f"{program} cannot be started ({error.strerror}). Look at its permissions.") from error
        if not result.was_found:
            raise SensorError(
                f"The program {program} was not found. Install the package digitemp (apt install digitemp), or set"
                " `program` to one that it has.",
                permanent=True,
            )
        if result.status == MISSING_PORT:
            raise SensorError(f"The port {port} does not exist. Plug in the adapter, or set `port` to another one.")
        output = result.output.decode("ascii", errors="replace")
        if LOCKED in output:
            raise SensorError(held_sentence(port))
        if result.status != 0:
            raise SensorError(
                f"{program} cannot use the port {port} (status {result.status}). Check that it is a serial port, that"
                " this user may open it (group dialout), and that `program` fits the adapter."
            )
        return result

    def _no_answer(self) -> SensorError:
        return SensorError(
            f"The 1-Wire adapter at {self._port} does not answer, or its answers arrive damaged. Check its"
            " wiring, unplug it and plug it in again, and check that `program` fits it."
        )


def parse_value(line: str) -> tuple[str, float] | None:
    """The ROM and the temperature in °C of a line of digitemp; None for any other line."""
    found = VALUE_LINE.fullmatch(line.strip())
    return (found[1], float(found[2])) if found else None


def is_temperature(celsius: float, last_valid: float | None) -> bool:
    """Whether it is one, or what a DS18B20 gives instead: 85.00 after its power failed, -127.00 when it is not there.

    85.00 is also a temperature: it counts as one after a value near it.
    """
    if celsius == POWER_ON:
        return last_valid is not None and abs(last_valid - POWER_ON) <= NEAR
    return LOWEST <= celsius <= HIGHEST


def adapter_ports() -> list[SerialPort]:
    """Serial ports where an adapter may be."""
    return [port for port in find_ports() if "arduino" not in port.label.lower()]
