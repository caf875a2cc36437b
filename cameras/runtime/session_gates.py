"""The gates of a camera: while one is closed, its sessions take no captures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cameras.gates.messages import LIFE_S, GateStatus
from cameras.runtime.clock import CameraClock
from cameras.runtime.messages import GatesCommand
from cameras.runtime.session_account import Reason
from cameras.runtime.spec import Spec


@dataclass(frozen=True, slots=True)
class ReceivedGates:
    gates: Sequence[GateStatus]
    life_s: float
    until: float
    """When their values become unknown, in seconds of `clock.monotonic()`."""


class SessionGates:
    """The link's thread receives the gates, and the camera loop's thread asks for them; they are replaced whole."""

    def __init__(self, spec: Spec, clock: CameraClock) -> None:
        self._clock = clock
        self._received = self._receive(spec.get("gates", []), LIFE_S)

    def replace(self, command: GatesCommand) -> None:
        self._received = self._receive(command["gates"], command["life_s"])
        # A session may continue at once.
        self._clock.wake()

    def _receive(self, gates: Sequence[GateStatus], life_s: float) -> ReceivedGates:
        return ReceivedGates(gates, life_s, self._clock.monotonic() + life_s)

    def closed(self) -> Reason | None:
        """Why no capture of a session may start now: the sentences of all closed gates. None if all are open."""
        received = self._received
        if self._clock.monotonic() < received.until:
            sentences = [gate["sentence"] for gate in received.gates if not gate["open"]]
        else:
            sentences = [expired(gate, received.life_s) for gate in received.gates if gate["unknown"] == "unsafe"]
        return ("unsafe", " ".join(sentences)) if sentences else None


def expired(gate: GateStatus, life_s: float) -> str:
    unknown = f"The camera host has not sent it for {life_s:g} s."
    return f"The gate {gate['name']} is closed: its value is unknown. {unknown}"
