"""What a closed gate says of the session that waits for it."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.gates.gate import Gate, GateState, Reading, evaluate
from cameras.status.messages import blocking_gates, describe_pause

SINCE = "2026-11-26T17:29:00.000Z"
RAIN = Gate("rain", unsafe_above=0.5, safe_below=0.05, safe_for_s=20.0)
ROOF = Gate("roof", safe_values=("open", "ajar"), safe_for_s=0.0)
RUNNING: Any = {"state": "running", "waits": ""}


def closed_by(gate: Gate, value: float | str | None) -> Any:
    state = evaluate(gate, GateState(is_open=False, since=0.0), Reading(value), 1.0)
    return state.status(gate, SINCE)


def clock(stamp: str) -> str:
    return stamp[11:16]


@pytest.mark.parametrize(
    ("gate", "opens"),
    [
        (RAIN, "below 0.05 for 20 s"),
        (Gate("wind", unsafe_above=14), "below 14 for 60 s"),
        (Gate("cold", unsafe_below=-25, safe_above=0.0), "above 0 for 60 s"),
        (
            Gate("housing", unsafe_above=45, safe_below=40, unsafe_below=-25, safe_above=-20),
            "between -20 and 40 for 60 s",
        ),
        (ROOF, "at open, ajar"),
        (Gate("cover", unsafe_above=3, safe_values=("off",), safe_for_s=5), "below 3 or at off for 5 s"),
        (Gate("alarm", unsafe_values=("on",), unknown_is_safe=True), ""),
    ],
)
def test_a_gate_says_what_opens_it(gate: Gate, opens: str) -> None:
    assert gate.opens == opens


@pytest.mark.parametrize(
    ("gate", "value", "facts"),
    [
        (RAIN, 0.8, "0.8; opens below 0.05 for 20 s"),
        (RAIN, None, "value unknown; opens below 0.05 for 20 s"),
        (ROOF, "closed", "closed; opens at open, ajar"),
        (Gate("alarm", unsafe_values=("on",)), "on", "on"),
    ],
)
def test_the_sentence_has_the_value_and_what_opens_the_gate(gate: Gate, value: Any, facts: str) -> None:
    closed = blocking_gates(RUNNING, [closed_by(gate, value)])
    assert describe_pause(closed, clock) == f"Paused by the gate {gate.name} since 17:29 ({facts})."


def test_each_closed_gate_has_a_sentence() -> None:
    shown = describe_pause([closed_by(RAIN, 0.8), closed_by(ROOF, "closed")], clock)
    assert shown.count("Paused by the gate") == 2


@pytest.mark.parametrize("session", [None, {"state": "paused", "waits": ""}, {"state": "running", "waits": "Clouds."}])
def test_only_a_running_session_that_follows_time_is_paused_by_gates(session: Any) -> None:
    assert blocking_gates(session, [closed_by(RAIN, 0.8)]) == []


def test_an_open_gate_pauses_nothing() -> None:
    state = GateState(is_open=True, since=0.0, value=0.0)
    assert blocking_gates(RUNNING, [state.status(RAIN, SINCE)]) == []
