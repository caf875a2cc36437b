"""Records that wait for the database delay no command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

BACKLOG = 5000


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path / "data")
    try:
        yield station.up_with_camera()
    finally:
        station.ensure_stopped()


def waiting(station: Station) -> int:
    """Records of the backlog that have no row."""
    return BACKLOG - station.database.count("captures_capture WHERE requested_by = 'backlog'")


def test_commands_are_confirmed_before_a_backlog_of_records_is_ingested(station: Station) -> None:
    backlog = station.run("-m", "tests.harness.rows.backlog", "simulated", str(BACKLOG)).strip()
    eventually(lambda: 0 < waiting(station) < BACKLOG, "the first records of the backlog are ingested")
    answers: dict[str, Any] = {
        "start": station.api.post("cameras/simulated/start/", {"exposure_us": 1000, "cadence_s": 60}),
        "stop": station.api.post("cameras/simulated/stop/", {}),
        "settings": station.api.call("PATCH", "cameras/simulated/settings/", {"gain": 2.0}),
    }
    left = waiting(station)
    # It waits 10 s for the row of the stopped session, which a busy machine may need longer for.
    eventually(
        lambda: station.api.post("cameras/simulated/start/", {"exposure_us": 1000, "cadence_s": 60}).status == 201,
        "the stopped session has its row",
    )
    eventually(lambda: not waiting(station), "all records are ingested")
    assert [answer.status for answer in answers.values()] == [201, 200, 200]
    assert left > 0
    counts = station.database.rows(
        "SELECT planned, saved, exposure_total_us FROM captures_session WHERE id = ?", backlog.replace("-", "")
    )
    assert counts == [(BACKLOG, BACKLOG, BACKLOG * 1000)]
    assert station.api.post("cameras/simulated/stop/", {}).status == 200
    # The records are removed after the commit of their rows.
    station.spools.eventually_settled()
