"""Evaluates the gates of this host from the newest readings of their sources, reports them, and sends each camera
process its own. Each source is read on a thread of its own: one that hangs delays neither another nor the
Supervisor."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cameras.gates.gate import LIFE_S, NO_READING, Gate, GateState, GateStatus, Reading, evaluate, format_number
from cameras.gates.sources import Source
from cameras.runtime.messages import GatesCommand
from cameras.spool.moments import iso
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.camera_status import own_slots
from cameras.supervision.child import CameraChild
from cameras.supervision.configured_gates import ConfiguredGate, camera_reading
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.ports import EventSink
from core.periodic.thread import PeriodicThread

LATE_S = 5.0
"""Seconds that a reading may be late on a busy machine before the value is unknown."""


class SourceReader:
    """Its thread replaces the newest reading; any thread may ask for it."""

    def __init__(
        self,
        name: str,
        source: Source,
        every_s: float,
        deadline_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._clock = source, clock
        self._life_s = every_s + deadline_s + LATE_S
        self._newest: tuple[Reading, float] = (NO_READING, clock())
        self._thread = PeriodicThread("gate", self.read, subject=name, interval_s=every_s)

    def start(self) -> None:
        self._thread.start()

    def request_stop(self) -> None:
        self._thread.request_stop()

    def reading(self) -> Reading:
        """The newest reading; unknown if the source hangs."""
        reading, read_at = self._newest
        age_s = self._clock() - read_at
        return reading if age_s < self._life_s else Reading(None, f"The source has not answered for {age_s:.0f} s.")

    def read(self) -> None:
        self._newest = (self._source.read(), self._clock())


UNKNOWN_S = 300.0
"""An alert is raised when a value has been unknown for this long."""


class GateReports:
    """Only the Supervisor's thread uses it."""

    def __init__(self, events: EventSink, host: str) -> None:
        self._events, self._host = events, host
        self._alerts: set[str] = set()

    def resolve_old_alerts(self) -> None:
        """Those of the worker before this one: its gates may have been removed since. They are raised again if they are
        still right."""
        self._events.resolve_alerts(f"gate.unknown:{self._host}:")
        self._events.resolve_alerts(f"gate.missing:{self._host}:")

    def report_change(
        self, gate: ConfiguredGate, cameras: Sequence[DesiredState], before: GateState, after: GateState
    ) -> None:
        """Record that a gate has opened or closed. A gate of all cameras concerns all users; otherwise there is an
        event for each camera, because not everyone may see it."""
        if before.is_open == after.is_open:
            return
        kind, severity = ("gate.opened", "info") if after.is_open else ("gate.closed", "warning")
        message = after.sentence or f"The gate {gate.gate.name} is open{shown_value(after)}."
        data = {"gate": gate.gate.name, "value": after.value, "limit": after.limit}
        if not concerns_some(gate):
            self._events.record_event(kind, message, severity, None, {**data, "cameras": []})
            return
        for camera in cameras:
            self._events.record_event(kind, message, severity, camera, {**data, "cameras": [camera.slug]})

    def report_unknown(
        self, gate: ConfiguredGate, subject: str, cameras: Sequence[DesiredState], state: GateState, now: float
    ) -> None:
        """Raise the alert of a value that stays unknown, and resolve it when it is known."""
        key = f"gate.unknown:{self._host}:{gate.gate.name}" + (f":{subject}" if subject else "")
        if state.unknown_since is None:
            self._resolve(key)
        elif now - state.unknown_since >= UNKNOWN_S:
            message = f"The value of the gate {gate.gate.name} has been unknown for 5 minutes. {state.sentence}".strip()
            self._raise(key, message, cameras if concerns_some(gate) else None)

    def report_missing(self, gate: ConfiguredGate, missing: Sequence[str]) -> None:
        """Raise the alert of a gate that names cameras which this host does not have: a misspelt name would leave a
        camera without its gate."""
        key = f"gate.missing:{self._host}:{gate.gate.name}"
        if missing:
            # Not by name: not everyone may see a camera of another host.
            message = f"The gate {gate.gate.name} names cameras that this host does not have ({len(missing)})."
            self._raise(key, f"{message} Correct `cameras` in its configuration.", None)
        else:
            self._resolve(key)

    def _raise(self, key: str, message: str, cameras: Sequence[DesiredState] | None) -> None:
        if key not in self._alerts:
            self._alerts.add(key)
            self._events.raise_alert(key, message, "error", cameras)

    def _resolve(self, key: str) -> None:
        if key in self._alerts:
            self._alerts.discard(key)
            self._events.resolve_alert(key)


def concerns_some(gate: ConfiguredGate) -> bool:
    """Whether it concerns some cameras only, and not all users."""
    return bool(gate.cameras or gate.camera_value)


def shown_value(state: GateState) -> str:
    value = state.value
    if value is None:
        return ""
    return f": {value if isinstance(value, str) else format_number(value)}"


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
