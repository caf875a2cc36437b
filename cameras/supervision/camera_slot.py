"""What the Supervisor keeps of one camera: its desired state, its process, and the commands without an answer."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

from cameras.spool.session_files import DesiredSession
from cameras.supervision.child import CameraChild
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.recovery_policy import RecoveryPolicy, RestartSchedule
from cameras.supervision.usb import UsbIdentity


@dataclass(frozen=True, slots=True)
class Hardware:
    """The camera as its driver found it when it was last opened."""

    identity: dict[str, Any] = field(default_factory=dict)
    place: str = ""
    """Where it is attached, as the driver names it."""
    usb: UsbIdentity | None = None


@dataclass(frozen=True, slots=True)
class OutstandingCommand:
    """A command that a process was sent. `capture` is the id of the capture, if the command takes one."""

    capture: str | None
    child: CameraChild | None


class OutstandingCommands:
    """The commands, by id, that a camera's process was sent and has not answered.

    Any thread may use it; `_lock` guards the commands. The thread that removes a command answers it, so each is
    answered once.
    """

    def __init__(self) -> None:
        self._commands: dict[str, OutstandingCommand] = {}
        self._lock = threading.Lock()

    def add(self, command: str, pending: OutstandingCommand) -> None:
        with self._lock:
            self._commands[command] = pending

    def remove(self, command: str) -> bool:
        """False when it was already removed."""
        with self._lock:
            return self._commands.pop(command, None) is not None

    def remove_without_capture(self) -> list[str]:
        """Remove and return the commands that leave nothing in a spool."""
        with self._lock:
            found = [command for command, pending in self._commands.items() if pending.capture is None]
            for command in found:
                del self._commands[command]
            return found

    def captures(self) -> dict[str, OutstandingCommand]:
        """The commands that take a picture, as a copy."""
        with self._lock:
            return {command: pending for command, pending in self._commands.items() if pending.capture is not None}

    def __len__(self) -> int:
        with self._lock:
            return len(self._commands)


class RaisedAlerts:
    """Keys of the alerts that a camera's recorder has raised. Its reader and the Supervisor's thread change them;
    `_lock` guards them."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._lock = threading.Lock()

    def add(self, *keys: str) -> None:
        with self._lock:
            self._keys.update(keys)

    def discard(self, key: str) -> None:
        with self._lock:
            self._keys.discard(key)

    def remove_all(self) -> set[str]:
        """Remove and return all keys; the caller resolves the alerts."""
        with self._lock:
            keys, self._keys = self._keys, set()
            return keys


class PortReset:
    """A running reset of a USB port. It ends with its thread, or after RESET_S at the latest."""

    def __init__(self, until: float) -> None:
        self._until, self._ended = until, threading.Event()

    def end(self) -> None:
        self._ended.set()

    @property
    def lasts(self) -> bool:
        return not self._ended.is_set() and time.monotonic() < self._until


@dataclass
class CameraSlot:
    """The desired state of a camera, and the process that serves it.

    The Supervisor's thread writes all fields except those below. Values are replaced whole and never changed in place,
    so other threads may read them at any time; code that needs a field twice reads it once.
    `hardware`: written by the process's reader. `faults`: by the Supervisor's thread on a command, and by the reader
    when the process reports what is left of them; the report comes later and wins. `last_observed` and `since`: by
    both, with `lock` held, which also keeps the reports in order. `outstanding` and `alerts` have their own locks.
    """

    desired: DesiredState
    restarts: RestartSchedule
    recovery_policy: RecoveryPolicy = field(default_factory=RecoveryPolicy)
    child: CameraChild | None = None
    is_starting: bool = False
    """A process is being started and may already have been sent its session."""
    quarantined: str = ""
    decided_outcome: dict[str, str] | None = None
    since: float = field(default_factory=time.time)
    hardware: Hardware = Hardware()
    last_seen: str | None = None
    """Its place on the bus while it is in trouble; empty when it was absent, None before the first search."""
    unreachable_alerted: bool = False
    """An alert is open: the camera cannot be opened, or fails repeatedly."""
    alerts: RaisedAlerts = field(default_factory=RaisedAlerts)
    retried_at: float = -60.0
    """When its process last got a retry message, which also resets its failure count."""
    port_reset: PortReset | None = None
    """While it runs, no process is started."""
    faults: dict[str, Any] = field(default_factory=dict)
    """The faults of its simulated camera. They outlive its process and end with this Supervisor."""
    outstanding: OutstandingCommands = field(default_factory=OutstandingCommands)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    last_observed: tuple[str, str] = ("", "")
    commanded_session: DesiredSession | None = None
    """The session of the last command, which may be newer than the desired state that was read."""
    session_commanded_at: float = -1.0
    commanded_settings: dict[str, Any] = field(default_factory=dict)
    settings_commanded_at: float = -1.0
    """When settings were last commanded, and which. A desired state that was read earlier is out of date."""
    commanded_recording: dict[str, Any] | None = None
    recording_commanded_at: float = -1.0
    """The same for the recording."""

    def with_newest_commands(self, read_at: float) -> DesiredState:
        """The desired state as read at `read_at`, updated with later commands."""
        desired = self.desired
        if self.settings_commanded_at >= read_at:
            desired = replace(desired, settings=self.commanded_settings)
        return (
            replace(desired, recording=self.commanded_recording) if self.recording_commanded_at >= read_at else desired
        )

    @property
    def identity(self) -> dict[str, Any]:
        return self.hardware.identity

    @property
    def place(self) -> str:
        return self.hardware.place

    @property
    def usb(self) -> UsbIdentity | None:
        return self.hardware.usb

    @property
    def state(self) -> dict[str, Any]:
        """The last state message of its process; empty without a process."""
        child = self.child
        return child.state if child else {}

    @property
    def recovers(self) -> bool:
        """A process may have been sent its session and has not yet reported that it has read the spool."""
        starting, child = self.is_starting, self.child
        return starting or (child is not None and not child.has_recovered)

    @property
    def is_first_start(self) -> bool:
        """Its first process is about to be started; commands wait for it."""
        return self.child is None and self.desired.runs and not self.quarantined and not self.restarts.reasons

    @property
    def may_start(self) -> bool:
        resetting = self.port_reset is not None and self.port_reset.lasts
        return self.desired.runs and not self.quarantined and not resetting

    @property
    def in_trouble(self) -> bool:
        child = self.child
        return bool(self.quarantined) or (child is not None and child.observed[0] == "reconnecting")

    def retry(self) -> None:
        """Tell its process to open the camera now instead of waiting for the end of its pause."""
        if self.child is not None and self.child.observed[0] == "reconnecting":
            self.retried_at = time.monotonic()
            self.child.send({"type": "retry"})

    @property
    def is_opening(self) -> bool:
        return self.state.get("doing") == "opening"

    @property
    def delivered(self) -> bool:
        """Whether its process has delivered a picture."""
        state = self.state
        return bool(state.get("frames")) or (state.get("last_capture") or {}).get("status") == "saved"

    @property
    def observed(self) -> tuple[str, str]:
        """The state and its reason, as far as this host can see."""
        desired, quarantined, child, reasons = self.desired, self.quarantined, self.child, self.restarts.reasons
        if not desired.enabled:
            return ("disabled", "")
        if not desired.connected:
            return ("disconnected", "")
        if quarantined:
            return ("quarantined", quarantined)
        if child is None:
            return ("reconnecting", reasons[-1]) if reasons else ("starting", "")
        return child.observed
