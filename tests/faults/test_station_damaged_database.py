"""A station one of whose tables is damaged: it says so everywhere, loses nothing, and goes on from the sound file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.stations.command_line import run
from tests.harness.stations.damage import damaged_table
from tests.harness.stations.http_client import HttpClient
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

ALERT = "health.database:main"
SAVED = "captures_capture WHERE status = 'saved'"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = Station(tmp_path / "data")
    try:
        station.up_with_camera()
        station.cameras.start_session(exposure_us=10_000, cadence_s=1)
        eventually(lambda: station.database.count(SAVED) > 0, "the first capture")
        station.stop()
        yield station
    finally:
        station.ensure_stopped()


def ready(station: Station) -> tuple[int, Any]:
    answer = HttpClient(station.port).request("GET", "/readyz")
    return answer.status, answer.body["problems"]


def alert(station: Station) -> list[tuple[Any, ...]]:
    return station.database.rows("SELECT state FROM monitoring_alert WHERE key = ?", ALERT)


def records(station: Station) -> set[str]:
    return {name for name in station.spools.files() if name.endswith(".done")}


def doctor(station: Station) -> list[dict[str, str]]:
    """What is broken about the database."""
    found = json.loads(run(station.data, "--output", "json", "doctor").stdout)["checks"]
    return [one for one in found if one["check"] == "database" and one["state"] == "broken"]


@pytest.mark.prove
def test_damage_is_said_everywhere_and_its_records_are_ingested_from_the_sound_file(station: Station) -> None:
    with damaged_table(station.database.file, "captures_capture"):
        station.up_with_camera()
        eventually(lambda: ready(station) == (503, ["database"]), lambda: ready(station))
        eventually(lambda: alert(station) == [("open",)], lambda: alert(station))
        assert HttpClient(station.port).request("GET", "/healthz").status == 200
        health = station.api.call("GET", "health/")
        assert health.status == 503
        assert "damaged" in health.body["problems"]["database"][0]
        [finding, *_] = doctor(station)
        assert "docs/station/running.md" in finding["remedy"]
        # The session goes on although no row can be written; its records wait.
        eventually(lambda: records(station), "a record")
        station.stop()
    station.up_with_camera()
    assert station.api.post("cameras/simulated/stop/").status == 200
    station.spools.eventually_settled()
    assert station.spools.inconsistencies() == []
    eventually(lambda: ready(station) == (200, []), lambda: ready(station))
    eventually(lambda: alert(station) == [("resolved",)], lambda: alert(station))
    assert doctor(station) == []
