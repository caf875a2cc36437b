"""The wall clock of a station's machine set forward and back by an hour while a session runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.harness.clocks.wall_clock.wall_clock import WallClock
from tests.harness.stations.http_client import Answer
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

HOUR_S = 3600
HALF_AN_HOUR_OF_STARTS = 7_200
"""A busy machine skips some of the four starts a second, and not half of those of an hour."""


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> WallClock:
    return WallClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, clock: WallClock) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("clocked") / "data", **clock.environment, **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        yield station
    finally:
        station.ensure_stopped()


@pytest.fixture
def session(station: Station, clock: WallClock) -> Iterator[str]:
    """A session, started once the host answers again: a clock set forward makes its heartbeat expire."""
    programme = {"exposure_us": 1000, "cadence_s": 0.25}
    answer = eventually(lambda: started(station.api.post("cameras/simulated/start/", programme)), "the host")
    yield str(answer["id"])
    station.api.post("cameras/simulated/stop/")
    station.spools.eventually_settled()
    clock.set(0)


def started(answer: Answer) -> dict[str, Any]:
    return answer.body if answer.status == 201 else {}


def wait_for_saves(station: Station, session: str) -> None:
    before = station.api.get(f"sessions/{session}/")["saved"]
    eventually(lambda: station.api.get(f"sessions/{session}/")["saved"] >= before + 6, "the session goes on")


def captures_of(station: Station, session: str) -> list[tuple[int, datetime]]:
    """Index and start of the captures of a session, in its order."""
    question = 'SELECT "index", started_at FROM captures_capture WHERE session_id = ? ORDER BY "index"'
    return [
        (index, datetime.fromisoformat(at)) for index, at in station.database.rows(question, session.replace("-", ""))
    ]


def skipped_by(gaps: list[dict[str, Any]]) -> list[int]:
    """The indices that these gaps name."""
    return [gap["first_index"] + step for gap in gaps for step in range(gap["count"])]


@pytest.mark.parametrize("shift_s", [HOUR_S, -HOUR_S])
def test_a_session_keeps_its_cadence_when_the_wall_clock_is_set(
    station: Station, session: str, clock: WallClock, shift_s: int
) -> None:
    wait_for_saves(station, session)
    clock.set(shift_s)
    wait_for_saves(station, session)
    assert station.cameras.saved_capture()["status"] == "saved"
    station.api.post("cameras/simulated/stop/")
    station.spools.eventually_settled()
    gaps = station.api.get(f"sessions/{session}/")["gaps"]
    assert {gap["reason"] for gap in gaps} <= {"overrun"}  # of a busy machine
    assert sum(gap["count"] for gap in gaps) < HALF_AN_HOUR_OF_STARTS
    captures = captures_of(station, session)
    skipped = skipped_by(gaps)
    assert sorted([index for index, _ in captures] + skipped) == list(range(len(captures) + len(skipped)))
    starts = [start for _, start in captures]
    assert abs((starts[-1] - starts[0]).total_seconds() - shift_s) < HOUR_S / 2


def test_a_process_killed_while_the_clock_is_set_resumes_without_an_hours_gap(
    station: Station, session: str, clock: WallClock
) -> None:
    wait_for_saves(station, session)
    os.kill(station.cameras.pid(), signal.SIGKILL)
    clock.set(HOUR_S)
    wait_for_saves(station, session)
    assert sum(gap["count"] for gap in station.api.get(f"sessions/{session}/")["gaps"]) < HALF_AN_HOUR_OF_STARTS


def test_after_all_jumps_the_ledger_adds_up(station: Station) -> None:
    station.spools.eventually_settled()
    assert station.spools.inconsistencies() == []
