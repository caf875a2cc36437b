"""A camera's place at the Supervisor."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

from cameras.supervision.child import CameraChild
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.recovery_policy import RecoveryPolicy, RestartSchedule
from cameras.supervision.usb import UsbIdentity


@dataclass(frozen=True, slots=True)
class Hardware:
    """The camera as its driver found it when it was opened last."""

    identity: dict[str, Any] = field(default_factory=dict)
    place: str = ""
    """Where it is attached, in the driver's words."""
    usb: UsbIdentity | None = None


@dataclass(frozen=True, slots=True)
class OutstandingCommand:
    """A command that a process was handed; `capture` is the id of one that takes a picture."""

    capture: str | None
    child: CameraChild | None


class OutstandingCommands:
    """The commands, by id, that a camera's process was handed and has not answered.

    For any thread; `_lock` guards the commands. Whoever removes one answers it, so that it is answered once.
    """

    def __init__(self) -> None:
        self._commands: dict[str, OutstandingCommand] = {}
        self._lock = threading.Lock()

    def add(self, command: str, pending: OutstandingCommand) -> None:
        with self._lock:
            self._commands[command] = pending

    def remove(self, command: str) -> bool:
        """False when somebody else has removed it already."""
        with self._lock:
            return self._commands.pop(command, None) is not None

    def remove_without_capture(self) -> list[str]:
        """Commands that leave nothing in a spool."""
        with self._lock:
            found = [command for command, pending in self._commands.items() if pending.capture is None]
            for command in found:
                del self._commands[command]
            return found

    def captures(self) -> dict[str, OutstandingCommand]:
        """Those that take a picture, as they are now."""
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
        """All of them, which are the caller's to resolve."""
        with self._lock:
            keys, self._keys = self._keys, set()
            return keys


class PortReset:
    """A reset of a USB port that runs until its thread ends it, and counts for RESET_S at most."""

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

    The Supervisor's thread writes all fields but these, and every value is replaced whole, never changed in place, so
    that other threads may read it at any time; whoever needs a field twice reads it once.
    `hardware`: the process's reader. `faults`: the Supervisor's thread when they are commanded, and the reader when the
    process says what is left of them; the process's word comes later and counts. `told` and `since`: both, with `lock`
    held, which also keeps what is told in that order. `outstanding` and `alerts` have locks of their own.
    """

    desired: DesiredState
    restarts: RestartSchedule
    recovery_policy: RecoveryPolicy = field(default_factory=RecoveryPolicy)
    child: CameraChild | None = None
    is_starting: bool = False
    """A process is being started, and was maybe told its session already."""
    quarantined: str = ""
    decided_outcome: dict[str, str] | None = None
    since: float = field(default_factory=time.time)
    hardware: Hardware = Hardware()
    last_seen: str | None = None
    """Its place on the bus while it is in trouble; empty when it was not there, None when nobody has looked yet."""
    unreachable_alerted: bool = False
    """There is an alert that it cannot be opened, or breaks off again and again."""
    alerts: RaisedAlerts = field(default_factory=RaisedAlerts)
    retried_at: float = -60.0
    """When its process was told to try again, and to count its failures anew."""
    port_reset: PortReset | None = None
    """While it lasts, no process is started."""
    faults: dict[str, Any] = field(default_factory=dict)
    """What its simulated camera is made to do wrong: outlives its process, and is forgotten with this Supervisor."""
    outstanding: OutstandingCommands = field(default_factory=OutstandingCommands)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    recorded: tuple[str, str] = ("", "")
    commanded_session: dict[str, Any] | None = None
    """The session of the last command, which may be newer than the desired state that was read."""
    session_commanded_at: float = -1.0
    settings: dict[str, Any] = field(default_factory=dict)
    configured_at: float = -1.0
    """When settings were last commanded, and which: a desired state that was read before that is older than they
    are."""
    recording: dict[str, Any] | None = None
    recorded_at: float = -1.0
    """The same of recording."""

    def with_newest_commands(self, read_at: float) -> DesiredState:
        """The desired state, which was read at `read_at`, with what was commanded since."""
        desired = self.desired
        if self.configured_at >= read_at:
            desired = replace(desired, settings=self.settings)
        return replace(desired, recording=self.recording) if self.recorded_at >= read_at else desired

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
        """What its process said last; empty without one."""
        child = self.child
        return child.state if child else {}

    @property
    def recovers(self) -> bool:
        """A process was maybe told its session, and has not yet said that it has read the spool."""
        starting, child = self.is_starting, self.child
        return starting or (child is not None and not child.has_recovered)

    @property
    def is_first_start(self) -> bool:
        """Its first process is about to be started: whoever wants something of it waits that moment."""
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
        """Its process does not wait out its pause."""
        if self.child is not None and self.child.observed[0] == "reconnecting":
            self.retried_at = time.monotonic()
            self.child.send({"type": "retry"})

    @property
    def is_opening(self) -> bool:
        return self.state.get("doing") == "opening"

    @property
    def delivered(self) -> bool:
        """Whether its process has given a picture."""
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
