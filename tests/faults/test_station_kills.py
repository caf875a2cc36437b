"""SIGKILL of each part of a whole station while a session runs on it and a program captures in a loop."""

from __future__ import annotations

import os
import signal
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.busy_machine import slowness
from tests.harness.kills.client import Client
from tests.harness.kills.faults import kill
from tests.harness.kills.station_kills import HUNG_WORKER_S, PROMISED_S, KillTest
from tests.harness.project import PROJECT
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, NOTICES_HANGS, SILENCE_S, Station

DEFAULT_SILENCE_S = 15.0
"""After how long a silent part is killed by default."""
SUMMARY = PROJECT / "docs" / "measurements" / "kills.md"


def run_kill_test(folder: Path) -> Iterator[KillTest]:
    station = Station(folder / "data", **NOTICES_HANGS, **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        station.api.call("PATCH", "cameras/simulated/settings/", {"width": 320, "height": 240})
        station.cameras.start_session(cadence_s=0.2)
        with Client(station, patience_s=0.7 * slowness()) as client:
            yield KillTest(station, client)
    finally:
        station.ensure_stopped()


@pytest.fixture(scope="module")
def kill_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillTest]:
    yield from run_kill_test(tmp_path_factory.mktemp("kills"))


@pytest.fixture
def long_kill_test(tmp_path: Path) -> Iterator[KillTest]:
    yield from run_kill_test(tmp_path)


@pytest.mark.parametrize("target", PROMISED_S)
def test_two_kills_are_recovered_in_the_promised_time(kill_test: KillTest, target: str) -> None:
    recovery_s = [kill_test.kill(target) for _ in range(2)]
    slower = kill_test.slowness[target]
    assert statistics.median(recovery_s) < PROMISED_S[target] * statistics.median(slower)
    assert max(recovery_s) < 2 * PROMISED_S[target] * max(slower)


def test_a_worker_that_hangs_is_replaced_in_the_promised_time(kill_test: KillTest) -> None:
    promised_s = SILENCE_S + (HUNG_WORKER_S - DEFAULT_SILENCE_S) * slowness()
    kill_test.client.wait_for_saves(more=5)
    assert kill_test.client.recovery_s(lambda: kill(kill_test.station, "hung worker"), 100) < promised_s


def test_captures_sent_to_a_camera_process_that_is_just_starting_have_one_outcome(kill_test: KillTest) -> None:
    kill_test.client.wait_for_saves(more=5)
    kill(kill_test.station, "camera")
    capture: Callable[[int], object] = lambda _: kill_test.station.cameras.capture()  # noqa: E731
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(capture, range(80)))


def test_after_all_kills_the_ledger_adds_up_and_no_acknowledged_capture_is_lost(kill_test: KillTest) -> None:
    kill_test.stop_session()
    print(kill_test.summary())
    assert kill_test.station.spools.inconsistencies() == []
    assert kill_test.client.lost() == []
    assert len(kill_test.client.saved()) > 100


def test_a_kill_just_before_a_stop_does_not_prevent_the_stop(kill_test: KillTest) -> None:
    os.kill(kill_test.station.cameras.pid(), signal.SIGKILL)
    assert kill_test.station.stop() == 0


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_two_hundred_kills_lose_and_double_nothing(long_kill_test: KillTest) -> None:
    for target in long_kill_test.chance.choices(list(PROMISED_S), weights=(5, 2, 2, 3, 1, 2), k=200):
        long_kill_test.kill(target)
    long_kill_test.stop_session()
    long_kill_test.write(SUMMARY)
    print(long_kill_test.summary())
    assert long_kill_test.station.spools.inconsistencies() == []
    assert long_kill_test.client.lost() == []
