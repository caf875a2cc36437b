"""Requests for the camera's settings, answered together from one reading."""

from __future__ import annotations

from cameras.drivers.base import CameraError
from cameras.runtime.device import Device
from cameras.runtime.exposure_runner import Command


class SettingsReader:
    def __init__(self, device: Device) -> None:
        self.device, self.reporter = device, device.reporter
        self._requests: list[Command] = []

    def add_request(self, command: Command) -> None:
        """It is answered once the time of the next exposure is known."""
        self._requests.append(command)

    def answer_requests(self, within_s: float) -> bool:
        """Answer all requests. The camera is read if the exposure that is due in `within_s` seconds leaves the time;
        else the last reading is sent.

        True when the camera was read, which took time. CameraError when that failed; the requests are then refused.
        """
        was_read = bool(self._requests) and self.device.is_reading_due(within_s)
        if was_read:
            self._read()
        for command in self._pop_requests():
            self.reporter.answer_command(command, body=self.device.reading)
        return was_read

    def _read(self) -> None:
        try:
            self.device.read_back()
        except CameraError as error:
            self.refuse_requests(error.reason, str(error))
            raise

    def refuse_requests(self, reason: str, message: str) -> None:
        for command in self._pop_requests():
            self.reporter.refuse_command(command, reason, message)

    def _pop_requests(self) -> list[Command]:
        requests, self._requests = self._requests, []
        return requests
