"""Receives the commands of the Supervisor, on the thread of the link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cameras.drivers.base import CameraError
from cameras.runtime.command_inbox import CommandInbox
from cameras.runtime.device import Device
from cameras.runtime.exposure_runner import ExposureRunner
from cameras.runtime.messages import AbortCommand, Command, CommandType, FaultsCommand, GatesCommand, RetryCommand
from cameras.runtime.reporter import Reporter
from cameras.runtime.session_gates import SessionGates


class CommandReceiver:
    """The commands of the table act at once, because an exposure or a hanging camera blocks the camera loop. All others
    wait for it."""

    def __init__(
        self,
        inbox: CommandInbox,
        device: Device,
        exposures: ExposureRunner,
        gates: SessionGates,
        reporter: Reporter,
    ) -> None:
        self._inbox, self._device, self._exposures = inbox, device, exposures
        self._gates, self._reporter = gates, reporter
        self._immediate: dict[CommandType, Callable[[Any], None]] = {
            "abort": self._abort,
            "faults": self._inject_faults,
            "gates": self._replace_gates,
            "retry": self._retry,
        }

    def receive_command(self, command: Command) -> None:
        immediate = self._immediate.get(command["type"])
        if immediate is not None:
            immediate(command)
            return
        self._inbox.add(command)
        if command["type"] == "stop":
            # The loop applies the stop, and this exposure may block it for an hour. After the add: an exposure that
            # begins at this moment either finds the stop in the inbox or is aborted here.
            self._exposures.abort_session(command["session"]["id"])

    def _abort(self, command: AbortCommand) -> None:
        self._exposures.abort(command.get("reason", "interrupted"))

    def _retry(self, _command: RetryCommand) -> None:
        self._device.retry_now()

    def _replace_gates(self, command: GatesCommand) -> None:
        self._gates.replace(command)

    def _inject_faults(self, command: FaultsCommand) -> None:
        try:
            self._reporter.answer_command(command, {"faults": self._device.inject_faults(command["faults"])})
        except CameraError as error:
            self._reporter.refuse_command(command, error.reason, str(error), "invalid")
