"""A planned run begins by itself and is accounted for, whatever is away or dies around its window."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import uuid6

from core.times.timestamps import stamp
from tests.harness.kills.faults import kill, stopped
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

CADENCE_S = 0.5
WINDOW_S = 6.0
PLANNED = round(WINDOW_S / CADENCE_S)
SMALL = {"scene": "chart", "width": 320, "height": 240}
LONG = pytest.mark.prove


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[Station]:
    station = Station(
        tmp_path_factory.mktemp("night") / "data", REDIS_URL=f"unix://{broker.socket}", **ANY_NUMBER_OF_KILLS
    )
    try:
        station.up().cameras.eventually_ready()
        station.api.call("PATCH", "cameras/simulated/settings/", SMALL)
        yield station
    finally:
        station.ensure_stopped()


class NightRun:
    """A run of WINDOW_S seconds, one capture each CADENCE_S, whose agenda is in the spool of its camera."""

    def __init__(self, station: Station, begins_in_s: float) -> None:
        self.station, self.id = station, str(uuid6.uuid7())
        self.begin = datetime.now(UTC) + timedelta(seconds=begins_in_s)
        self.end = self.begin + timedelta(seconds=WINDOW_S)
        [(camera,)] = station.database.rows("SELECT id FROM cameras_camera WHERE slug = 'simulated'")
        station.database.insert("scheduler_plannedrun", {
            "id": self.hex, "camera_id": camera, "name": "night", "created_by": "planner",
            "programme": json.dumps({"exposure_us": 1000, "cadence_s": CADENCE_S}),
            "windows": json.dumps([[stamp(self.begin), stamp(self.end)]]),
            "part": 0, "begins_at": row_time(self.begin), "ends_at": row_time(self.end),
            "created_at": row_time(self.begin),
        })  # fmt: skip
        eventually(self.is_stored, 30, "the agenda is in the spool")

    @property
    def hex(self) -> str:
        return UUID(self.id).hex

    def is_stored(self) -> bool:
        files = self.station.config.storage_root.glob(".spool/*/agenda.state")
        return any(run["id"] == self.id for file in files for run in json.loads(file.read_bytes())["runs"])

    def wait_until(self, at: datetime) -> None:
        eventually(lambda: datetime.now(UTC) >= at, 60, f"{at}")

    def state(self) -> str | None:
        found = self.station.database.rows("SELECT state FROM captures_session WHERE id = ?", self.hex)
        return str(found[0][0]) if found else None

    def ledger(self) -> dict[str, Any]:
        columns = ("state", "planned", "saved", "failed", "skipped")
        [row] = self.station.database.rows(f"SELECT {', '.join(columns)} FROM captures_session WHERE id = ?", self.hex)
        return dict(zip(columns, row, strict=True))

    def gap_reasons(self) -> set[str]:
        return {row[0] for row in self.station.database.rows(
            "SELECT reason FROM captures_sessiongap WHERE session_id = ?", self.hex
        )}  # fmt: skip

    def assert_accounted_for(self) -> dict[str, Any]:
        eventually(lambda: self.state() == "finished", 60, "the run has finished")
        self.station.spools.eventually_settled()
        ledger = self.ledger()
        assert ledger["planned"] == PLANNED
        assert ledger["saved"] + ledger["failed"] + ledger["skipped"] == PLANNED
        gaps = self.station.database.rows("SELECT sum(count) FROM captures_sessiongap WHERE session_id = ?", self.hex)
        assert ledger["skipped"] == (gaps[0][0] or 0)
        return ledger


def row_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


def test_a_run_begins_on_time_while_database_broker_web_worker_jobs_and_beat_are_away(
    station: Station, broker: Broker
) -> None:
    run = NightRun(station, begins_in_s=6.0)
    launcher, pids = station.process, station.pids()
    assert launcher is not None
    with stopped(launcher.pid), broker.gone(), station.database.locked():
        for part in ("web", "jobs", "beat"):
            os.kill(pids[part], signal.SIGKILL)
        run.wait_until(run.end)
        assert run.state() is None
    assert run.assert_accounted_for()["failed"] == 0
    assert run.gap_reasons() <= {"overrun"}  # a busy machine


@pytest.mark.parametrize("before_s", [1.0, -2.0], ids=["before its window", "in its window"])
@pytest.mark.parametrize("attempt", [0, *(pytest.param(number, marks=LONG) for number in range(1, 20))])
def test_a_run_is_accounted_for_when_everything_is_killed(station: Station, before_s: float, attempt: int) -> None:
    run = NightRun(station, begins_in_s=4.0)
    run.wait_until(run.begin - timedelta(seconds=before_s))
    kill(station, "all")
    run.assert_accounted_for()


@pytest.mark.parametrize("before_s", [0.3, -2.0], ids=["before its window", "in its window"])
def test_a_run_is_accounted_for_when_its_camera_process_is_killed(station: Station, before_s: float) -> None:
    run = NightRun(station, begins_in_s=4.0)
    run.wait_until(run.begin - timedelta(seconds=before_s))
    kill(station, "camera")
    assert run.assert_accounted_for()["saved"] > 0


def test_a_window_without_a_station_is_a_gap_of_all_its_captures(station: Station) -> None:
    run = NightRun(station, begins_in_s=2.0)
    station.stop()
    run.wait_until(run.end)
    station.up()
    assert run.assert_accounted_for() == {
        "state": "finished",
        "planned": PLANNED,
        "saved": 0,
        "failed": 0,
        "skipped": PLANNED,
    }
