"""SIGKILL of each part of a whole station while a session runs on it and a program captures in a loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.kills.client import Client
from tests.harness.kills.faults import kill
from tests.harness.kills.station_kills import PROMISED_S, KillTest
from tests.harness.project import PROJECT
from tests.harness.runs.tiers import further
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, NOTICES_HANGS, Station

SUMMARY = PROJECT / "docs" / "measurements" / "kills.md"
IMPATIENT_S, MEASURING_S = 5.0, 0.7
"""How long the program waits for a capture: long enough for a busy machine, and as a measurement needs it."""


def run_kill_test(folder: Path, patience_s: float) -> Iterator[KillTest]:
    station = Station(folder / "data", **NOTICES_HANGS, **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        station.api.call("PATCH", "cameras/simulated/settings/", {"width": 320, "height": 240})
        station.cameras.start_session(cadence_s=0.2)
        with Client(station, patience_s=patience_s) as client:
            yield KillTest(station, client)
    finally:
        station.ensure_stopped()


CAMERA = pytest.param("camera", marks=pytest.mark.promise("kills"))


@pytest.fixture(scope="module")
def kill_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillTest]:
    yield from run_kill_test(tmp_path_factory.mktemp("kills"), IMPATIENT_S)


@pytest.fixture
def long_kill_test(tmp_path: Path) -> Iterator[KillTest]:
    yield from run_kill_test(tmp_path, MEASURING_S)


@pytest.mark.parametrize("target", [CAMERA, "worker", "all", *further("web", "valkey", "cameras", "launcher")])
def test_after_a_kill_captures_are_acknowledged_again(kill_test: KillTest, target: str) -> None:
    for _ in range(2):
        kill_test.kill(target)


@pytest.mark.parametrize("part", ["cameras", *further("worker")])
def test_a_camera_host_that_hangs_is_replaced(kill_test: KillTest, part: str) -> None:
    kill_test.client.wait_for_saves(more=5)
    kill_test.client.recovery_s(lambda: kill(kill_test.station, f"hung {part}"))


@pytest.mark.promise("kills")
def test_captures_sent_to_a_camera_process_that_is_just_starting_have_one_outcome(kill_test: KillTest) -> None:
    kill_test.client.wait_for_saves(more=5)
    kill(kill_test.station, "camera")
    capture: Callable[[int], object] = lambda _: kill_test.station.cameras.capture()  # noqa: E731
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(capture, range(80)))


def test_after_all_kills_the_ledger_adds_up_and_no_acknowledged_capture_is_lost(kill_test: KillTest) -> None:
    kill_test.client.wait_for_saves(more=1)
    kill_test.stop_session()
    print(kill_test.summary())
    assert kill_test.station.spools.inconsistencies() == []
    assert kill_test.client.lost() == []


def test_a_kill_just_before_a_stop_does_not_prevent_the_stop(kill_test: KillTest) -> None:
    os.kill(kill_test.station.cameras.pid(), signal.SIGKILL)
    assert kill_test.station.stop() == 0


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_two_hundred_kills_lose_and_double_nothing(long_kill_test: KillTest) -> None:
    for target in long_kill_test.chance.choices(list(PROMISED_S), weights=(5, 2, 2, 2, 2, 1, 2), k=200):
        long_kill_test.kill(target)
    long_kill_test.stop_session()
    long_kill_test.write(SUMMARY)
    print(long_kill_test.summary())
    assert long_kill_test.station.spools.inconsistencies() == []
    assert long_kill_test.client.lost() == []
