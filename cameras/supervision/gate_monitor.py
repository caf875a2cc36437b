"""Evaluates the gates of this host from the newest readings of their sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from cameras.gates.gate import NO_READING, Gate, GateState, Reading, evaluate
from cameras.gates.messages import GateStatus
from cameras.spool.moments import iso
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.camera_status import own_slots
from cameras.supervision.configured_gates import ConfiguredGate, camera_reading
from cameras.supervision.gate_readers import SourceReader
from cameras.supervision.gate_reports import GateReports

Place = tuple[str, str]
"""A gate's name and its subject: a gate has a state for each subject."""


class GateMonitor:
    """The Supervisor's thread evaluates, and never waits for a source. Any thread may call `statuses`: the states are
    replaced whole."""

    def __init__(
        self,
        gates: Sequence[ConfiguredGate],
        slots: Mapping[str, CameraSlot],
        reports: GateReports,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gates, self._slots, self._reports, self._clock = gates, slots, reports, clock
        self._readers: dict[Place, SourceReader] = {}
        self._states: Mapping[Place, tuple[GateState, str]] = {}
        """With the time stamp of the state's begin: its own is of a monotonic clock."""

    def start(self) -> None:
        self._reports.resolve_old_alerts()

    def stop(self) -> None:
        """Does not wait for sources that hang."""
        for reader in self._readers.values():
            reader.request_stop()

    def evaluate_gates(self) -> None:
        states: dict[Place, tuple[GateState, str]] = {}
        here = {slot.desired.slug for slot in own_slots(self._slots) if not slot.desired.removed}
        for gate in self._gates:
            # Without any camera the database may not have been read yet.
            if here:
                self._reports.report_missing(gate, [slug for slug in gate.cameras if slug not in here])
            for subject, slots in self._slots_by_subject(gate).items():
                states[gate.gate.name, subject] = self._evaluate(gate, subject, slots)
        self._states = states

    def statuses(self, slot: CameraSlot) -> list[GateStatus]:
        """The gates of a camera. One without a state yet has no known value."""
        desired, states = slot.desired, self._states
        found = [(one.gate, (one.gate.name, one.subject(desired))) for one in self._gates if one.concerns(desired)]
        evaluated = [(gate, *(states.get(place) or self._initial(gate))) for gate, place in found]
        return [state.status(gate, since) for gate, state, since in evaluated]

    def _initial(self, gate: Gate) -> tuple[GateState, str]:
        return GateState.initial(gate, self._clock()), iso(time.time())

    def _slots_by_subject(self, gate: ConfiguredGate) -> dict[str, list[CameraSlot]]:
        """The running cameras that the gate concerns. A source that all cameras share is also read without one."""
        found: dict[str, list[CameraSlot]] = {} if gate.source is None else {"": []}
        for slot in self._slots.values():
            if slot.desired.runs and gate.concerns(slot.desired):
                found.setdefault(gate.subject(slot.desired), []).append(slot)
        return found

    def _evaluate(self, gate: ConfiguredGate, subject: str, slots: Sequence[CameraSlot]) -> tuple[GateState, str]:
        now, cameras = self._clock(), [slot.desired for slot in slots]
        before, since = self._states.get((gate.gate.name, subject)) or self._initial(gate.gate)
        after = evaluate(gate.gate, before, self._reading(gate, subject, slots), now)
        self._reports.report_change(gate, cameras, before, after)
        self._reports.report_unknown(gate, subject, cameras, after, now)
        return after, since if after.since == before.since else iso(time.time())

    def _reading(self, gate: ConfiguredGate, subject: str, slots: Sequence[CameraSlot]) -> Reading:
        if gate.camera_value is not None:
            return camera_reading(slots[0], gate.camera_value)
        place = (gate.gate.name, subject)
        if place not in self._readers:
            source = gate.source_of(slots)
            assert source is not None
            reader = SourceReader(gate.gate.name, source, gate.every_s, gate.deadline_s)
            reader.start()
            self._readers[place] = reader
            return NO_READING
        return self._readers[place].reading()
