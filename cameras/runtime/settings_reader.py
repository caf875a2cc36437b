"""Who asks what the camera has: they are answered together, from one reading."""

from __future__ import annotations

from cameras.drivers.base import CameraError
from cameras.runtime.device import Device
from cameras.runtime.exposure_runner import Command


class SettingsReader:
    def __init__(self, device: Device) -> None:
        self.device, self.report = device, device.report
        self._asking: list[Command] = []

    def ask(self, command: Command) -> None:
        """Answered once it is known when the next exposure is due."""
        self._asking.append(command)

    def answer(self, within_s: float) -> bool:
        """Tell all who ask, from the camera itself where an exposure that is due in `within_s` seconds leaves the time.

        True when the camera was asked: then what is due has come nearer. CameraError, which they are told too.
        """
        asks = bool(self._asking) and self.device.is_reading_due(within_s)
        if asks:
            self._read()
        for command in self._taken():
            self.report.answer(command, body=self.device.reading)
        return asks

    def _read(self) -> None:
        try:
            self.device.read_back()
        except CameraError as error:
            self.refuse(error.reason, str(error))
            raise

    def refuse(self, reason: str, message: str) -> None:
        for command in self._taken():
            self.report.refuse(command, reason, message)

    def _taken(self) -> list[Command]:
        asking, self._asking = self._asking, []
        return asking
