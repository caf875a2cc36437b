"""Reads the settings and the telemetry of the camera between its exposures."""

from __future__ import annotations

from collections.abc import Callable

from cameras.drivers.base import CameraError
from cameras.runtime.command_inbox import CommandInbox
from cameras.runtime.session_runner import Due
from cameras.runtime.session_starts import SessionStarts
from cameras.runtime.settings_reader import SettingsReader
from cameras.runtime.telemetry import Telemetry


class CameraPoller:
    """Used by the camera loop's thread, with an open camera."""

    def __init__(
        self,
        settings_reader: SettingsReader,
        telemetry: Telemetry,
        starts: SessionStarts,
        inbox: CommandInbox,
        handle_error: Callable[[CameraError], None],
    ) -> None:
        self._settings_reader, self._telemetry, self._starts = settings_reader, telemetry, starts
        self._inbox, self._handle_error = inbox, handle_error

    def poll(self, due: Due | None) -> bool:
        """Read the settings when a command requests them, and the telemetry when it is due. True when the camera was
        read, which took time."""
        try:
            # A capture that waits is exposed next: nothing but a very quick reading comes before it.
            if self._settings_reader.answer_requests(0.0 if self._inbox.has_captures else self._starts.free_s(due)):
                return True
            if not self._telemetry.is_due(self._starts.slack_s(due)):
                return False
            self._telemetry.read()
        except CameraError as error:
            self._handle_error(error)
        return True
