"""A camera's place at the Supervisor."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from cameras.supervision.child import CameraChild
from cameras.supervision.ladder import Ladder, Restarts
from cameras.supervision.usb import UsbIdentity
from cameras.supervision.wishes import Wish


@dataclass(frozen=True, slots=True)
class Live:
    """What a camera's process was told of live view last."""

    qualities: tuple[str, ...] = ()
    lowered: int = 0
    presets: dict[str, Any] = field(default_factory=dict)


@dataclass
class Post:
    """What is wished of a camera, and the process that serves it."""

    wish: Wish
    restarts: Restarts
    ladder: Ladder = field(default_factory=Ladder)
    child: CameraChild | None = None
    recovers: bool = False
    """A process was told its session, and has not yet said that it has read the spool."""
    quarantined: str = ""
    verdict: dict[str, str] | None = None
    since: float = field(default_factory=time.time)
    identity: dict[str, Any] = field(default_factory=dict)
    place: str = ""
    """Where the driver said that the camera hangs, when it was opened last."""
    usb: UsbIdentity | None = None
    last_seen: str | None = None
    """Its place on the bus while it is in trouble; empty when it was not there, None when nobody has looked yet."""
    missed: bool = False
    """There is an alert that it cannot be opened."""
    alerts: set[str] = field(default_factory=set)
    """Keys of those that its recorder has raised."""
    retried_at: float = -60.0
    """When its process was told to try again, and to count its failures anew."""
    resetting_until: float = 0.0
    """Its USB port is being reset; its process is started after that, or then (time.monotonic()) at the latest."""
    faults: dict[str, Any] = field(default_factory=dict)
    """What its simulated camera is made to do wrong: outlives its process, and is forgotten with this Supervisor."""
    outstanding: dict[str, dict[str, Any]] = field(default_factory=dict)
    live: Live = Live()
    told: tuple[str, str] = ("", "")
    ordered: dict[str, Any] | None = None
    """The session of the last command, which may be newer than the wish that was read."""
    ordered_at: float = -1.0
    settings: dict[str, Any] = field(default_factory=dict)
    configured_at: float = -1.0
    """When settings were last commanded, and which: a wish that was read before that is older than they are."""
    recording: dict[str, Any] | None = None
    recorded_at: float = -1.0
    """The same of recording."""

    def newest(self, read_at: float) -> Wish:
        """The wish, which was read at `read_at`, with what was commanded since."""
        wish = self.wish
        if self.configured_at >= read_at:
            wish = replace(wish, settings=self.settings)
        return replace(wish, recording=self.recording) if self.recorded_at >= read_at else wish

    @property
    def is_first_start(self) -> bool:
        """Its first process is about to be started: whoever wants something of it waits that moment."""
        return self.child is None and self.wish.runs and not self.quarantined and not self.restarts.reasons

    @property
    def may_start(self) -> bool:
        return self.wish.runs and not self.quarantined and time.monotonic() >= self.resetting_until

    @property
    def in_trouble(self) -> bool:
        return bool(self.quarantined) or (self.child is not None and self.child.observed[0] == "reconnecting")

    def retry(self) -> None:
        """Its process does not wait out its pause."""
        if self.child is not None and self.child.observed[0] == "reconnecting":
            self.retried_at = time.monotonic()
            self.child.send({"type": "retry"})

    @property
    def is_opening(self) -> bool:
        return self.child is not None and self.child.state.get("doing") == "opening"

    @property
    def delivered(self) -> bool:
        """Whether its process has given a picture."""
        state = self.child.state if self.child else {}
        return bool(state.get("frames")) or (state.get("last_capture") or {}).get("status") == "saved"

    @property
    def observed(self) -> tuple[str, str]:
        """The state and its reason, as far as this host can see."""
        if not self.wish.enabled:
            return ("disabled", "")
        if not self.wish.connected:
            return ("disconnected", "")
        if self.quarantined:
            return ("quarantined", self.quarantined)
        if self.child is None:
            return ("reconnecting", self.restarts.reasons[-1]) if self.restarts.reasons else ("starting", "")
        return self.child.observed
