"""Requests for the camera's settings, answered together from one reading."""

from __future__ import annotations

from cameras.drivers.base import CameraError
from cameras.runtime.camera_settings import CameraSettings
from cameras.runtime.messages import ReadCommand
from cameras.runtime.reporter import Reporter


class SettingsReader:
    def __init__(self, settings: CameraSettings, reporter: Reporter) -> None:
        self._settings, self._reporter = settings, reporter
        self._requests: list[ReadCommand] = []

    def add_request(self, command: ReadCommand) -> None:
        """It is answered once the time of the next exposure is known."""
        self._requests.append(command)

    def answer_requests(self, within_s: float) -> bool:
        """Answer all requests. The camera is read if the exposure that is due in `within_s` seconds leaves the time;
        else the last reading is sent.

        True when the camera was read, which took time. CameraError when that failed; the requests are then refused.
        """
        was_read = bool(self._requests) and self._settings.is_reading_due(within_s)
        if was_read:
            try:
                self._settings.read_back()
            except CameraError as error:
                self.refuse_requests(error.reason, str(error))
                raise
        for command in self._pop_requests():
            self._reporter.answer_command(command, self._settings.reading)
        return was_read

    def refuse_requests(self, reason: str, message: str) -> None:
        for command in self._pop_requests():
            self._reporter.refuse_command(command, reason, message)

    def _pop_requests(self) -> list[ReadCommand]:
        requests, self._requests = self._requests, []
        return requests
