"""A session of one picture every half second: the deviation of its starts from the grid."""

from __future__ import annotations

import statistics
from datetime import datetime
from typing import Any

from bench.figures import Table, Times
from bench.runs import Runs
from bench.station import EXPOSURE, SLUG, Client
from tests.harness.waiting import eventually

CADENCE_S = 0.5


def run(runs: Runs) -> list[Table]:
    wanted = runs.times(200)
    client = runs.station.client()
    starts = session(client, wanted)
    offsets_s = [(at - starts[0]) - CADENCE_S * number for number, at in enumerate(starts)]
    middle = statistics.median(offsets_s)
    jitter = Times(tuple(abs(offset_s - middle) * 1000 for offset_s in offsets_s))
    found = Table(f"An interval of {CADENCE_S} s, {wanted} captures")
    found.add(
        "Drift over all captures", f"{abs(drift_ms(offsets_s)):.2f} ms", "5 ms", "of the line fitted to the starts"
    )
    found.add("Jitter", str(jitter), note="from the grid; the ledger's times are in whole milliseconds")
    return [found]


def session(client: Client, count: int) -> list[float]:
    """Run a session; returns the start of each exposure, in seconds."""
    request = {**EXPOSURE, "cadence_s": CADENCE_S, "count": count}
    path = f"/api/v1/sessions/{client.request('POST', f'/api/v1/cameras/{SLUG}/start/', request, expect=201)['id']}/"
    eventually(lambda: _has_ended(client.get(path)), what="the end of the session", takes_s=count * CADENCE_S)
    captures = client.get(f"/api/v1/captures/?session={path.split('/')[-2]}&limit=200")["results"]
    return sorted(datetime.fromisoformat(capture["started"]).timestamp() for capture in captures)


def _has_ended(session: dict[str, Any]) -> bool:
    return session["state"] not in {"planned", "running"} and session["saved"] == session["planned"]


def drift_ms(offsets_s: list[float]) -> float:
    """The drift over the whole session, from a line fitted to the deviations."""
    line = statistics.linear_regression(range(len(offsets_s)), offsets_s)
    return line.slope * (len(offsets_s) - 1) * 1000
