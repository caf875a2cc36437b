"""`skycam database move` while a station captures: nothing is lost, and a kill leaves the old database in use."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.database_move import SENTENCE, is_being_moved
from tests.harness.postgresql import empty_database
from tests.harness.stations.command_line import SKYCAM, run
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import PATIENCE_S, eventually

KILL = "tests.harness.kills.move_process"
PROJECT = Path(__file__).parents[2]
pytestmark = pytest.mark.prove


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """With a camera."""
    found = Station(tmp_path / "data", **ANY_NUMBER_OF_KILLS)
    try:
        yield found.up_with_camera()
    finally:
        found.ensure_stopped()


@pytest.fixture
def url() -> Iterator[str]:
    with empty_database() as address:
        yield address


def rows(url: str, question: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(question.encode()).fetchall()


def move(station: Station, url: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SKYCAM, "--output", "json", "database", "move", url, *options], env=station.environment,
        cwd=station.data.parent, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, errors = process.communicate(timeout=PATIENCE_S * 2)
    assert process.returncode == 0, errors or out
    found: dict[str, Any] = json.loads(out)
    return found


def kill_at(station: Station, url: str, point: str, passes: int = 0) -> None:
    done = subprocess.run(
        [sys.executable, "-m", KILL, point, str(passes), url], cwd=PROJECT, env=station.environment, check=False
    )
    assert done.returncode == -signal.SIGKILL


def pictures(station: Station) -> int:
    return len(list(station.data.glob("images/captures/**/*.*")))


def test_a_station_moves_while_a_session_runs(station: Station, url: str) -> None:
    before = station.cameras.saved_capture()
    session = station.cameras.start_session(cadence_s=0.5, count=1000)
    # It leaves the tables behind, so that one can be locked: the copy then waits for this test.
    kill_at(station, url, "after_migrations")
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE cameras_camera IN ACCESS EXCLUSIVE MODE")
        moving = move(station, url)
        eventually(lambda: is_being_moved(station.data), "the database is held")
        refused = station.api.post("cameras/simulated/capture/", {"exposure_us": 1000})
        assert (refused.status, SENTENCE in refused.body["detail"]) == (503, True)
        assert station.api.get(f"captures/{before['id']}/")["status"] == "saved"
        assert SENTENCE in run(station.data, "--output", "json", "doctor", **station.environment).stdout
        assert SENTENCE in run(station.data, "status", **station.environment).stderr
        pid, there = station.cameras.pid(), pictures(station)
        eventually(lambda: pictures(station) > there + 4, "the session goes on")
        assert station.cameras.pid() == pid
    found = result(moving)
    assert {one["name"] for one in found["tables"]} >= {"captures_capture", "django_migrations", "access_user"}
    assert found["pause_s"] is not None
    assert not station.database.file.exists()
    assert Path(found["kept"]).exists()
    count = rows(url, "SELECT count(*) FROM captures_capture")[0][0]
    eventually(lambda: rows(url, "SELECT count(*) FROM captures_capture")[0][0] > count, "it goes on there")
    assert station.api.get(f"captures/{before['id']}/")["sha256"] == before["sha256"]
    ended = station.api.post("cameras/simulated/stop/").body
    eventually(lambda: (it := station.api.get(f"sessions/{session}/"))["state"] == "stopped" and it, str(ended))
    assert station.spools.inconsistencies() == []
    [event] = station.api.get("events/?kind=database.moved")["results"]
    assert "PostgreSQL" in event["message"]
    assert "Traceback" not in station.output()


POINTS = [("after_mark", 0), ("after_lock", 0), ("after_table", 9), ("after_commit", 0), ("after_stop", 0)]


def test_a_move_that_is_killed_leaves_the_old_database_in_use_and_can_be_repeated(station: Station, url: str) -> None:
    for point, passes in POINTS:
        kill_at(station, url, point, passes)
        station.cameras.eventually_ready()
        saved = station.cameras.saved_capture()
        assert station.database.status_of(saved["id"]) == ("saved", "")
    found = result(move(station, url))
    assert found["moved"]
    assert station.api.get(f"captures/{saved['id']}/")["status"] == "saved"


@pytest.mark.parametrize("point", ["after_record", "after_start"])
def test_a_move_that_is_killed_after_its_record_was_written_is_done(station: Station, url: str, point: str) -> None:
    kill_at(station, url, point)
    station.cameras.eventually_ready()
    saved = station.cameras.saved_capture()
    [(status,)] = rows(url, f"SELECT status FROM captures_capture WHERE id = '{saved['id']}'")
    assert status == "saved"
