"""Receives the commands of the Supervisor on the thread of the link, and runs those that wait for the camera loop on
its thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from cameras.drivers.base import CameraError
from cameras.programmes.kinds import rehearsal_of
from cameras.runtime.camera_settings import SettingsReader
from cameras.runtime.command_inbox import CommandInbox
from cameras.runtime.consumers import FrameConsumer
from cameras.runtime.device import Device
from cameras.runtime.exposure_runner import ExposureRunner
from cameras.runtime.link import Reporter
from cameras.runtime.messages import (
    AbortCommand,
    Command,
    CommandType,
    ConfigureCommand,
    FaultsCommand,
    GatesCommand,
    ReopenCommand,
    RetryCommand,
    SessionStatus,
    StartCommand,
    StopCommand,
    WithdrawCommand,
)
from cameras.runtime.ports import LoopPorts
from cameras.runtime.session_runner import SessionBusy
from cameras.runtime.session_starts import SessionGates, SessionStarts
from cameras.runtime.spec import HeldLease
from cameras.runtime.still_queue import StillQueue
from cameras.runtime.storage_holder import Sessions, StorageHolder
from cameras.spool.agenda import Agenda
from cameras.spool.records import StillFormats, UsedSettings
from cameras.spool.session_files import DesiredSession


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


WRITE_OUT_S = 4.0
"""Seconds that the still thread may take to finish writing."""


class SessionCommands:
    """Used by the camera loop's thread."""

    def __init__(
        self,
        sessions: Sessions,
        starts: SessionStarts,
        device: Device,
        stills: StillQueue,
    ) -> None:
        self._sessions, self._starts, self._device, self._stills = sessions, starts, device, stills

    def apply(self, desired: DesiredSession) -> SessionStatus:
        """First waits until the previous capture is counted, so that the answer includes it. A new session opens the
        camera if needed: it records what will be used before its first exposure. SessionBusy, CameraError, OSError."""
        self._stills.drain(WRITE_OUT_S)
        is_new = desired["desired"] == "running" and not self._sessions.runner.store.has_session(desired["id"])
        used: UsedSettings = {}
        # If it does not open, the session starts all the same, and what it misses is a gap.
        if is_new and self._device.ensure_open():
            used = self._device.settings.rehearse(rehearsal_of(desired["programme"]))
        answer = self._sessions.runner.apply_desired_session(desired, used)
        self._starts.report_records()
        return answer

    def replace_agenda(self, agenda: Agenda) -> None:
        """Store the agenda durably. OSError."""
        self._sessions.agenda.replace(agenda)

    def defer_agenda(self, agenda: Agenda) -> None:
        """The storage root is not open: it is stored when it is."""
        self._sessions.agenda.defer(agenda)

    def replace_lease(self, lease: HeldLease | None) -> None:
        """A planned run that is due waits for its end, or takes the camera over."""
        self._sessions.holders.replace_lease(lease)

    def defer(self, desired: DesiredSession) -> None:
        """The storage root is not open: it is applied when it is."""
        self._sessions.resumption.defer_session(desired)


class FileSettings(Protocol):
    """What the files of the following captures are like."""

    def set_formats(self, formats: StillFormats) -> None: ...

    def set_site(self, site: dict[str, Any]) -> None: ...


class CommandRunner:
    """Commands that are in no table are for the consumers of frames."""

    def __init__(
        self,
        ports: LoopPorts,
        device: Device,
        settings_reader: SettingsReader,
        exposures: ExposureRunner,
        sessions: SessionCommands,
        storage_holder: StorageHolder,
        consumers: Iterable[FrameConsumer],
        files: FileSettings,
    ) -> None:
        self._inbox, self._reporter, self._handle_error = ports.inbox, ports.reporter, ports.handle_error
        self._device, self._settings_reader, self._exposures = device, settings_reader, exposures
        self._sessions, self._storage_holder = sessions, storage_holder
        self._consumers, self._files = consumers, files
        self._handlers: dict[CommandType, Callable[[Any], None]] = {
            "start": self._change_session,
            "stop": self._change_session,
            "configure": self._configure,
            "read": self._settings_reader.add_request,
            "withdraw": self._withdraw_capture,
            "reopen": self._reopen,
        }
        self._deferred: dict[CommandType, Callable[[Any], None]] = {
            "start": self._defer_session,
            "stop": self._defer_session,
            "configure": self._defer_configuration,
        }

    def run_waiting(self) -> None:
        for command in self._inbox.pop_commands():
            try:
                handler = self._handlers.get(command["type"]) or self._forward_to_consumers
                handler(command)
            except CameraError as error:
                self._reporter.refuse_command(command, error.reason, str(error))
                # A camera that is closed has failed already: a second failure would postpone its next try.
                if self._device.is_open:
                    self._handle_error(error)
            except SessionBusy as error:
                self._reporter.refuse_command(command, "camera_held", str(error), "held")
            except OSError as error:
                message = self._storage_holder.describe_error(error)
                self._reporter.refuse_command(command, "write_error", message, "disk-full")

    def refuse_waiting(self) -> None:
        """Without the root no record can be written, so commands are refused. Desired states are stored for later."""
        commands = self._inbox.pop_commands()
        for command in commands:
            # For consumers: clips may have another root.
            if command["type"] not in self._handlers:
                self._forward_to_consumers(command)
            elif command["type"] in self._deferred:
                self._deferred[command["type"]](command)
        refused = [command for command in commands if command["type"] in self._handlers]
        # Deferred ones are refused too: their senders learn why they have no effect yet.
        for command in (*self._inbox.pop_captures(), *refused):
            self._reporter.refuse_command(command, self._storage_holder.reason, self._storage_holder.message)

    def refuse_readings(self, reason: str, message: str) -> None:
        """The camera is not open: refuse the commands that wait for a reading of its settings."""
        self._settings_reader.refuse_requests(reason, message)

    def _forward_to_consumers(self, command: Command) -> None:
        for consumer in self._consumers:
            consumer.handle_command(command)

    # Sessions

    def _change_session(self, command: StartCommand | StopCommand) -> None:
        self._reporter.answer_command(command, self._sessions.apply(command["session"]))

    def _defer_session(self, command: StartCommand | StopCommand) -> None:
        self._sessions.defer(command["session"])

    # The camera

    def _configure(self, command: ConfigureCommand) -> None:
        session = command.get("session")
        if session:
            self._sessions.apply(session)
        if "agenda" in command:
            self._sessions.replace_agenda(command["agenda"])
        if "lease" in command:
            self._sessions.replace_lease(command["lease"])
        self._configure_files(command)
        whole = command.get("whole", False)
        # Last: it raises if the camera is away, and session and recording do not depend on that.
        answer = self._device.apply_settings(command["settings"], whole=whole) if "settings" in command else None
        self._reporter.answer_command(command, answer or {})

    def _defer_configuration(self, command: ConfigureCommand) -> None:
        if "settings" in command:
            self._device.settings.set_desired(command["settings"], whole=command.get("whole", False))
        session = command.get("session")
        if session:
            self._sessions.defer(session)
        if "agenda" in command:
            self._sessions.defer_agenda(command["agenda"])
        if "lease" in command:
            self._sessions.replace_lease(command["lease"])
        self._configure_files(command)

    def _configure_files(self, command: ConfigureCommand) -> None:
        """What the following stills and clips are like. It needs neither the camera nor the root."""
        if "formats" in command:
            self._files.set_formats(command["formats"])
        if "site" in command:
            self._files.set_site(command["site"])
        if "recording" in command or "site" in command:
            self._forward_to_consumers(command)

    def _withdraw_capture(self, command: WithdrawCommand) -> None:
        """Drop a capture that has not begun, because its deadline is over. The answer is that of its own command."""
        waiting = self._inbox.remove_capture(command["id"])
        # Otherwise it is exposed or recorded already, and its record is the outcome.
        if not self._exposures.has_seen(command["id"]):
            detail = "The command did not reach the camera before its deadline."
            answered = waiting.get("command_id", "withdraw") if waiting else "withdraw"
            refused = WithdrawCommand(type="withdraw", id=command["id"], command_id=answered)
            self._reporter.refuse_command(refused, "not_started", detail)
            self._exposures.forbid_capture(command["id"])

    def _reopen(self, _command: ReopenCommand) -> None:
        self._handle_error(CameraError("The Supervisor requested that the camera is reopened."))
