"""Sends each camera process its gates."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cameras.gates.messages import LIFE_S, GateStatus
from cameras.runtime.messages import GatesCommand
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import CameraChild

SEND_S = 10.0
"""A process believes what it was sent for LIFE_S, so two messages may be lost."""


@dataclass(frozen=True, slots=True)
class SentGates:
    child: CameraChild
    open: Mapping[str, bool]
    at: float


class GateSender:
    """Only the Supervisor's thread uses it."""

    def __init__(
        self,
        slots: Mapping[str, CameraSlot],
        gates_of: Callable[[CameraSlot], list[GateStatus]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots, self._gates_of, self._clock = slots, gates_of, clock
        self._sent: dict[str, SentGates] = {}

    def send_gates(self) -> None:
        """At once to a new process and when a gate has opened or closed, otherwise each SEND_S."""
        for camera, slot in self._slots.items():
            child = slot.child
            if child is not None and not child.ending and (gates := self._gates_of(slot)):
                self._send(camera, child, gates)

    def _send(self, camera: str, child: CameraChild, gates: list[GateStatus]) -> None:
        sent, now = self._sent.get(camera), self._clock()
        is_open = {gate["name"]: gate["open"] for gate in gates}
        if sent and sent.child is child and sent.open == is_open and now - sent.at < SEND_S:
            return
        # What could not be sent is tried again at the next tick.
        if child.send(GatesCommand(type="gates", gates=gates, life_s=LIFE_S)):
            self._sent[camera] = SentGates(child, is_open, now)
