"""A gate of a running station pauses a session, and lets it go on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.harness.stations.rain_file import RainFile
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

CADENCE_S = 0.25
ALERT = (
    "rule:gate-closed:simulated",
    "The session of simulated takes no captures. The gate rain is closed: 0.4 is above 0.2.",
)
MISSED = 4
"""As many starts of a session pass at least while the gate is closed."""
SMALL = {"scene": "chart", "width": 320, "height": 240}


class GatedStation(Station):
    """With a gate whose value is the text of a file."""

    def __init__(self, folder: Path) -> None:
        self.rain = RainFile(folder)
        super().__init__(folder / "data", **self.rain.environment)

    def gate(self) -> dict[str, Any]:
        [gate] = self.api.get("cameras/simulated/status/")["gates"] or [{"open": None}]
        return dict(gate)

    def eventually_open(self, *, is_open: bool) -> None:
        eventually(lambda: self.gate()["open"] is is_open, f"the gate is open: {is_open}")


def alerts(station: Station) -> list[tuple[str, str]]:
    """Open alerts of sessions, by key and message, without that of a machine which is too busy for the cadence."""
    asked = """
        SELECT key, message FROM monitoring_alert
        WHERE state != 'resolved' AND (key LIKE ? OR key LIKE ?) AND message NOT LIKE ?
    """
    return station.database.rows(asked, "rule:gate-closed:%", "rule:session-gap:%", "%longer than the cadence%")


def started_s(capture: dict[str, Any]) -> float:
    return datetime.fromisoformat(capture["started"]).timestamp()


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatedStation]:
    station = GatedStation(tmp_path_factory.mktemp("gates"))
    try:
        station.up().cameras.eventually_ready()
        station.api.call("PATCH", "cameras/simulated/settings/", SMALL)
        yield station
    finally:
        station.ensure_stopped()


def test_a_session_pauses_while_the_gate_is_closed_and_goes_on_by_itself(station: GatedStation) -> None:
    station.eventually_open(is_open=True)
    session = station.cameras.start_session(cadence_s=CADENCE_S)

    def ledger() -> dict[str, Any]:
        return dict(station.api.get(f"sessions/{session}/"))

    eventually(lambda: ledger()["saved"] >= 3, "the session runs")
    station.rain.set(0.4)
    station.eventually_open(is_open=False)
    assert station.gate()["sentence"] == "The gate rain is closed: 0.4 is above 0.2."
    eventually(lambda: alerts(station) == [ALERT], lambda: alerts(station))
    # Captures by command are still taken; and by their times some starts have passed.
    until_s = started_s(station.cameras.saved_capture()) + MISSED * CADENCE_S
    eventually(lambda: started_s(station.cameras.saved_capture()) > until_s, "some starts have passed")
    station.rain.set(0.1)
    station.eventually_open(is_open=True)
    saved = ledger()["saved"]
    eventually(lambda: ledger()["saved"] >= saved + 3, "it goes on")
    # Neither is its gap an alert.
    eventually(lambda: alerts(station) == [], lambda: alerts(station))
    station.api.post(f"sessions/{session}/stop/")
    station.spools.eventually_settled()
    found = ledger()
    [gap] = [gap for gap in found["gaps"] if gap["reason"] != "overrun"]  # of a busy machine
    assert (gap["reason"], gap["message"]) == ("unsafe", "The gate rain is closed: 0.4 is above 0.2.")
    assert gap["count"] >= MISSED
    assert found["planned"] == found["saved"] + found["failed"] + found["skipped"]
    assert station.spools.inconsistencies() == []


def test_the_changes_of_the_gate_are_events(station: GatedStation) -> None:
    station.rain.set(0.4)
    station.eventually_open(is_open=False)
    station.rain.set(0.1)
    station.eventually_open(is_open=True)
    data = {"gate": "rain", "value": 0.4, "limit": 0.2, "cameras": []}

    def kinds() -> list[tuple[str, str]]:
        rows = station.database.rows("SELECT kind, data FROM monitoring_event WHERE kind LIKE 'gate.%' ORDER BY id")
        return [(kind, json.loads(given)) for kind, given in rows]

    def both_are_written() -> bool:
        found = kinds()
        return ("gate.closed", data) in found and found[-1][0] == "gate.opened"

    eventually(both_are_written, kinds)


def test_a_camera_process_that_is_killed_starts_with_a_closed_gate(station: GatedStation) -> None:
    station.rain.set(0.4)
    station.eventually_open(is_open=False)
    session, pid = station.cameras.start_session(cadence_s=CADENCE_S), station.cameras.pid()
    os.kill(pid, signal.SIGKILL)
    station.cameras.pid(other_than=pid)
    station.cameras.eventually_ready()
    assert station.cameras.saved_capture()["status"] == "saved"
    assert station.api.get(f"sessions/{session}/")["saved"] == 0
    station.rain.set(0.1)
    eventually(lambda: station.api.get(f"sessions/{session}/")["saved"] >= 2, "it begins")
    station.api.post(f"sessions/{session}/stop/")
