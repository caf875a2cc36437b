"""Events of gates that open and close, and alerts of gates whose value stays unknown or whose camera is missing."""

from __future__ import annotations

from collections.abc import Sequence

from cameras.gates.gate import GateState, format_number
from cameras.supervision.configured_gates import ConfiguredGate
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.ports import EventSink

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
