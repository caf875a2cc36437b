"""What the Supervisor keeps of one camera: its desired state, its process, and the commands without an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, cast

from cameras.runtime.messages import RetryCommand, StateReport
from cameras.runtime.spec import Recording
from cameras.spool.session_files import DesiredSession
from cameras.supervision.child import CameraChild
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.recovery_policy import PictureWatch, RecoveryPolicy, RestartSchedule
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
    """A running reset of a USB port. It ends with its thread, or after RESET_S of `PortResetter` at the latest."""

    def __init__(self, until: float) -> None:
        self._until, self._ended = until, threading.Event()

    def end(self) -> None:
        self._ended.set()

    @property
    def lasts(self) -> bool:
        return not self._ended.is_set() and time.monotonic() < self._until


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Commanded(Generic[T]):
    """What the last command asked for, and when it arrived, in time.monotonic(). A desired state that was read earlier
    is out of date."""

    value: T
    at: float = -1.0  # older than any reading

    def is_newer(self, read_at: float) -> bool:
        # The row is stored before its command is sent, so a reading that began after the command contains it.
        return self.at >= read_at


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
    picture_watch: PictureWatch = field(default_factory=PictureWatch)
    stalled_alerted: bool = False
    """An alert is open: its session saves no pictures."""
    alerts: RaisedAlerts = field(default_factory=RaisedAlerts)
    # Not 0: time.monotonic() is near 0 on a machine that has just started, and this would count as a recent retry.
    retried_at: float = -60.0
    """When its process last got a retry message, which also resets its failure count."""
    port_reset: PortReset | None = None
    """While it runs, no process is started."""
    faults: dict[str, Any] = field(default_factory=dict)
    """The faults of its simulated camera. They outlive its process and end with this Supervisor."""
    outstanding: OutstandingCommands = field(default_factory=OutstandingCommands)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    last_observed: tuple[str, str] = ("", "")
    commanded_session: Commanded[DesiredSession | None] = Commanded(None)
    commanded_settings: Commanded[dict[str, Any]] = field(default_factory=lambda: Commanded({}))
    commanded_recording: Commanded[Recording | None] = Commanded(None)

    def with_newest_commands(self, read_at: float, ended: Container[str]) -> DesiredState:
        """The desired state as read at `read_at`, updated with later commands."""
        desired = replace(self.desired, session=self.newest_session(self.desired, read_at, ended))
        if self.commanded_settings.is_newer(read_at):
            desired = replace(desired, settings=self.commanded_settings.value)
        if self.commanded_recording.is_newer(read_at):
            desired = replace(desired, recording=self.commanded_recording.value)
        return desired

    def newest_session(self, desired: DesiredState, read_at: float, ended: Container[str]) -> DesiredSession | None:
        """A command may be newer than the state that was read, and the end of a session newer than both."""
        commanded = self.commanded_session
        found = commanded.value if commanded.is_newer(read_at) else desired.session
        return None if found is None or found["id"] in ended else found

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
    def state(self) -> StateReport:
        """The last report of this type of its process; empty without one."""
        child = self.child
        return child.state if child else cast(StateReport, {})

    @property
    def recovers(self) -> bool:
        """A process may have been sent its session and has not yet reported that it has read the spool."""
        # In this order, because `child` is set before `is_starting` ends: else both could miss a new process.
        starting, child = self.is_starting, self.child
        return starting or (child is not None and not child.has_recovered)

    @property
    def is_first_start(self) -> bool:
        """Its first process is about to be started; commands wait for it."""
        return self.child is None and self.desired.runs and not self.quarantined and not self.restarts.reasons

    @property
    def in_trouble(self) -> bool:
        child = self.child
        return bool(self.quarantined) or (child is not None and child.observed[0] == "reconnecting")

    def retry(self) -> None:
        """Tell its process to open the camera now instead of waiting for the end of its pause."""
        if self.child is not None and self.child.observed[0] == "reconnecting":
            self.retried_at = time.monotonic()
            self.child.send(RetryCommand(type="retry"))

    @property
    def is_opening(self) -> bool:
        return self.state.get("doing") == "opening"

    @property
    def delivered(self) -> bool:
        """Whether its process has delivered a picture."""
        state = self.state
        last = state.get("last_capture")
        return bool(state.get("frames")) or (last is not None and last["status"] == "saved")

    @property
    def observed(self) -> tuple[str, str]:
        """The state and its reason, as far as this host can see."""
        desired, quarantined, child, reasons = self.desired, self.quarantined, self.child, self.restarts.reasons
        # What is desired comes first: a process that is ending may still report `ready`.
        if not desired.enabled:
            return ("disabled", "")
        if not desired.connected:
            return ("disconnected", "")
        if quarantined:
            return ("quarantined", quarantined)
        if child is None:
            return ("reconnecting", reasons[-1]) if reasons else ("starting", "")
        return child.observed


class CameraSlots(Mapping[str, CameraSlot]):
    """The slots of this host's cameras, by the camera's id. Only the Supervisor's thread adds; the mapping is replaced
    whole, so any thread may iterate over it."""

    def __init__(self) -> None:
        self._slots: dict[str, CameraSlot] = {}
        self.read_at = 0.0
        """When the desired states in the slots were read, in time.monotonic(). For the Supervisor's thread."""

    def add(self, slot: CameraSlot) -> None:
        self._slots = {**self._slots, slot.desired.id: slot}

    def __getitem__(self, camera: str) -> CameraSlot:
        return self._slots[camera]

    def __iter__(self) -> Iterator[str]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)
