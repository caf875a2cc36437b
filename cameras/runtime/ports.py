"""What the parts of a camera loop share, and how it handles an error of the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cameras.drivers.base import CameraError
from cameras.runtime.clock import CameraClock
from cameras.runtime.command_inbox import CommandInbox
from cameras.runtime.device import Device
from cameras.runtime.link import Reporter
from cameras.runtime.session_runner import SessionRunner


@dataclass(frozen=True, slots=True)
class LoopPorts:
    clock: CameraClock
    inbox: CommandInbox
    reporter: Reporter
    handle_error: Callable[[CameraError], None]


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
