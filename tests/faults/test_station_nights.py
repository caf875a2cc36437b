"""A planned run begins by itself and is accounted for, whatever is away or dies around its window."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.harness.kills.faults import kill, stopped
from tests.harness.runs.tiers import further
from tests.harness.stations.outside_broker import Broker, station_beside
from tests.harness.stations.planned_runs import StationRun
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

CADENCE_S = 0.5
PLANNED = 12
UNTIL_STOPPED = 400


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[Station]:
    with station_beside(broker, tmp_path_factory.mktemp("night") / "data") as station:
        yield station


def run_of(station: Station, begins_in_s: float) -> StationRun:
    return StationRun(station, begins_in_s, CADENCE_S, PLANNED)


@pytest.mark.promise("nights")
def test_a_run_begins_on_time_while_database_broker_web_worker_jobs_and_beat_are_away(
    station: Station, broker: Broker
) -> None:
    launcher, pids = station.process, station.running_pids()
    assert launcher is not None
    run = run_of(station, begins_in_s=6.0)
    with stopped(launcher.pid), broker.gone(), station.database.locked():
        for part in ("web", "jobs", "beat"):
            os.kill(pids[part], signal.SIGKILL)
        run.wait_until(run.end)
    assert run.assert_accounted_for()["failed"] == 0
    assert run.gap_reasons() <= {"overrun"}  # a busy machine


@pytest.mark.parametrize("before_s", [1.0, -2.0], ids=["before its window", "in its window"])
@pytest.mark.parametrize("attempt", [0, *further(*range(1, 20))])
def test_a_run_is_accounted_for_when_everything_is_killed(station: Station, before_s: float, attempt: int) -> None:
    run = run_of(station, begins_in_s=4.0)
    run.wait_until(run.begin - timedelta(seconds=before_s))
    kill(station, "all")
    run.assert_accounted_for()


@pytest.mark.parametrize("before_s", [0.3, *further(-2.0)], ids=["before its window", "in its window"])
def test_a_run_is_accounted_for_when_its_camera_process_is_killed(station: Station, before_s: float) -> None:
    run = StationRun(station, 4.0, CADENCE_S, UNTIL_STOPPED)
    run.wait_until(run.begin - timedelta(seconds=before_s))
    kill(station, "camera")
    due = run.next_index() + 1
    eventually(lambda: run.has_saved(due), f"capture {due} or a later one")
    run.stop()
    run.assert_accounted_for()


def test_a_window_without_a_station_is_a_gap_of_all_its_captures(station: Station) -> None:
    run = run_of(station, begins_in_s=3.0)
    station.stop()
    begun = run.next_index()  # on a slow machine some
    run.wait_until(run.end)
    station.up()
    ledger = run.assert_accounted_for()
    assert ledger["state"] == "finished"
    assert ledger["skipped"] >= PLANNED - begun
