"""Which gates keep a session from its captures now, and the sentence that says so everywhere."""

from __future__ import annotations

from collections.abc import Callable

from cameras.gates.gate import format_number
from cameras.gates.messages import GateStatus
from cameras.runtime.messages import SessionStatus


def blocking_gates(session: SessionStatus | None, gates: list[GateStatus]) -> list[GateStatus]:
    """Of the gates in a camera's status the closed ones, while its session is running. Not of a session that chooses
    its exposures: some of them may need no sky, and it says by itself what it waits for."""
    if session is None or session["state"] != "running" or session.get("waits"):
        return []
    # A host of an older version sends neither `since` nor `opens`.
    return [gate for gate in gates if not gate["open"] and "since" in gate]


def describe_pause(gates: list[GateStatus], clock: Callable[[str], str]) -> str:
    """`Paused by the gate rain since 17:29 (0.8; opens below 0.05 for 20 s).`; empty without a gate. `clock` formats a
    time stamp."""
    return " ".join(
        f"Paused by the gate {gate['name']} since {clock(gate['since'])} ({'; '.join(_facts(gate))})." for gate in gates
    )


def _facts(gate: GateStatus) -> list[str]:
    value = gate["value"]
    shown = "value unknown" if value is None else value if isinstance(value, str) else format_number(value)
    return [shown, f"opens {gate['opens']}"] if gate["opens"] else [shown]
