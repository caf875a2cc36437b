"""A microcontroller that writes lines to a serial port. Only this module imports pyserial. Django-free."""

from __future__ import annotations

import errno
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from core.outgoing import OutgoingGuard
from monitoring.sensors.driver import Found, Sample, SensorDriver, SensorError, SettingsAt
from monitoring.sensors.drivers.arduino.formats import (
    AmbiguousLine,
    LineBuffer,
    LineParser,
    decode,
    parse_order,
    parse_pattern,
)
from monitoring.sensors.serial_ports import find_ports, held_sentence, only_free_port

if TYPE_CHECKING:
    import serial

FULL_BYTES = 4095
"""What the kernel keeps of a port. When it is full, it drops bytes, and joins halves of lines."""
READ_BYTES = 4096
SETTLE_S = 0.1
"""How long the lines of one reading may take after its first: temperature and humidity often have one each."""
UNKNOWN_BYTES = 2000
"""More bytes without a value than a boot banner has."""
SHOWN_LENGTH = 80
"""Characters of a line that a message quotes."""


class ArduinoSensor(SensorDriver):
    """Each quantity is a channel; with a pattern, each of its groups. The newest value of each counts."""

    settings_model = SettingsAt("monitoring.sensors.settings.ArduinoSettings")
    sends_by_itself = True

    def __init__(self, settings: Mapping[str, Any], guard: OutgoingGuard) -> None:
        super().__init__(settings, guard)
        self._parser = self._new_parser()
        self._port: serial.Serial | None = None
        self._path = ""
        self._lines = LineBuffer()
        self._unknown_bytes = 0
        self._refused = b""
        """The last readable line without a value."""
        self._has_understood = False

    def _new_parser(self) -> LineParser:
        settings = self.settings
        return LineParser(parse_order(settings["order"]), parse_pattern(settings["pattern"]), settings["decimal"])

    @classmethod
    def detect(cls, deadline_s: float) -> list[Found]:
        """USB serial ports. None is opened: that would reset a microcontroller."""
        return [
            Found("arduino", port.label, {"port": port.path}, f"In use by {port.holder}." if port.holder else "")
            for port in find_ports()
        ]

    def open(self, deadline_s: float) -> None:
        import serial

        self.close()
        self._lines, self._unknown_bytes = LineBuffer(), 0
        self._parser, self._refused, self._has_understood = self._new_parser(), b"", False
        self._path = self.settings["port"] or only_free_port(find_ports())
        with self._named_errors():
            # Exclusive: a second reader would take half of the bytes.
            self._port = serial.Serial(self._path, self.settings["baud_rate"], timeout=0, exclusive=True)

    def read(self, deadline_s: float) -> list[Sample]:
        until = time.monotonic() + deadline_s
        newest: dict[str, Sample] = {}
        with self._named_errors():
            assert self._port is not None
            if self._port.in_waiting >= FULL_BYTES:
                self._port.reset_input_buffer()
                self._lines = LineBuffer()
            while (left_s := until - time.monotonic()) > 0:
                self._port.timeout = left_s
                content = self._port.read(max(1, min(self._port.in_waiting, READ_BYTES)))
                samples = [sample for line in self._lines.feed(content) for sample in self._parse(line)]
                newest.update((sample.channel, sample) for sample in samples)
                self._unknown_bytes = 0 if samples else self._unknown_bytes + len(content)
                self._check_understood()
                if samples:
                    until = min(until, time.monotonic() + SETTLE_S)
        return list(newest.values())

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with self._named_errors():
                port.close()

    def _parse(self, line: bytes) -> list[Sample]:
        """Empty for a line without a value. SensorError for a first line that can be read in two ways; after another
        line it is one that was damaged."""
        try:
            samples = self._parser.parse(line)
        except AmbiguousLine:
            if not self._has_understood:
                raise SensorError(
                    f"The line `{shown(line)}` at {self._path} can be one number with a decimal comma, or several"
                    " numbers. Set `decimal` to comma or to point.",
                    permanent=True,
                ) from None
            samples = []
        if samples:
            self._has_understood = True
        elif decode(line):
            self._refused = line
        return samples

    def _check_understood(self) -> None:
        if self._unknown_bytes > UNKNOWN_BYTES:
            line = shown(self._refused)
            such_as = f", such as the line `{line}`" if line else ""
            raise SensorError(
                f"What arrives at {self._path} has no value in it{such_as}. Check `baud_rate`, and set `pattern` if"
                " the lines have a form of their own."
            )

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """pyserial raises any of these when a port is unplugged."""
        try:
            yield
        except (OSError, termios.error) as error:
            raise SensorError(self._describe(error)) from error

    def _describe(self, error: OSError | termios.error) -> str:
        port, number = self._path, error.args[0] if error.args else None
        number = getattr(error, "errno", None) or number
        if number == errno.ENOENT:
            return f"The port {port} does not exist. Plug in the device, or set `port` to another one."
        if number in {errno.EACCES, errno.EPERM}:
            return f"This user may not open {port}. Add it to the group dialout, and start the station again."
        if number in {errno.EAGAIN, errno.EBUSY}:
            return held_sentence(port)
        return f"The device at {port} is gone. Plug it in again; it is opened again by itself."


def shown(line: bytes) -> str:
    """As a message quotes it; empty for noise."""
    text = decode(line).replace("`", "'")
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
