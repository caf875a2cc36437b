"""States of gates, as a camera host publishes them."""

from __future__ import annotations

from typing import Any

from cameras.gates.gate import GateStatus
from cameras.status.messages import Status, absent_status

WET = "The gate rain is closed: 0.4 is above 0.2."
OPEN = GateStatus(
    name="wind", open=True, since="2026-11-22T18:00:00.000Z", value=3.25, limit=None, sentence="",
    opens="below 10 for 300 s", unknown="unsafe",
)  # fmt: skip
CLOSED = GateStatus(
    name="rain", open=False, since="2026-11-22T20:30:00.000Z", value=0.4, limit=0.2, sentence=WET,
    opens="below 0.05 for 20 s", unknown="unsafe",
)  # fmt: skip
PAUSED = ("Paused by the gate rain since ", "(0.4; opens below 0.05 for 20 s).")
"""What is shown of a session that waits for it, before and after the time."""


def status_with(*gates: GateStatus, session: Any = None, state: str = "running", slug: str = "sky") -> Status:
    """Of a camera that is ready. `session`: the id of its session, which waits for nothing by itself."""
    status = absent_status(slug, "connected", "")
    status["observed"], status["gates"] = "ready", list(gates)
    if session is not None:
        counts: Any = {"planned": 12, "saved": 12, "failed": 0, "skipped": 0}
        status["session"] = {"id": str(session), "state": state, "waits": "", **counts}
    return status
