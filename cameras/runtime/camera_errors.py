"""What follows an error of the camera."""

from __future__ import annotations

from cameras.drivers.base import CameraError
from cameras.runtime.device import Device
from cameras.runtime.reporter import Reporter
from cameras.runtime.session_runner import SessionRunner


class CameraErrors:
    def __init__(self, device: Device, runner: SessionRunner, reporter: Reporter) -> None:
        self._device, self._runner, self._reporter = device, runner, reporter

    def handle_error(self, error: CameraError) -> None:
        """The camera failed: starts that are missed until it is back have this reason. A rejected setting is not
        treated as a camera failure."""
        if error.reason == "rejected_setting":
            self._reporter.report_state("ready")
            return
        self._runner.note_outage(error.reason, str(error))
        self._device.handle_failure(error)
