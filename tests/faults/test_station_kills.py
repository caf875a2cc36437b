"""SIGKILL of each part of a whole station while a session runs on it and a program captures in a loop."""

from __future__ import annotations

import os
import signal
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.kills import HUNG_WORKER_S, PROMISED_S, Fire
from tests.faults.station import Client, FaultStation

DEFAULT_SILENCE_S, SILENCE_S = 15.0, 4.0
"""After how long a silent part is killed: at a station as it comes, and at a station of these tests."""
SUMMARY = Path(__file__).resolve().parents[2] / "docs" / "kills.md"


def under_fire(folder: Path) -> Iterator[Fire]:
    station = FaultStation(folder / "data")
    try:
        station.up().sign_in().eventually_ready()
        station.call("PATCH", "cameras/simulated/settings/", {"width": 320, "height": 240})
        station.start_session(cadence_s=0.2)
        with Client(station) as client:
            yield Fire(station, client)
    finally:
        station.ensure_stopped()


@pytest.fixture(scope="module")
def fire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fire]:
    yield from under_fire(tmp_path_factory.mktemp("fire"))


@pytest.fixture
def long_fire(tmp_path: Path) -> Iterator[Fire]:
    yield from under_fire(tmp_path)


@pytest.mark.parametrize("target", PROMISED_S)
def test_three_kills_are_recovered_in_the_promised_time(fire: Fire, target: str) -> None:
    taken = [fire.kill(target) for _ in range(3)]
    assert statistics.median(taken) < PROMISED_S[target]
    assert max(taken) < 2 * PROMISED_S[target]


def test_a_worker_that_hangs_is_replaced_in_the_promised_time(fire: Fire) -> None:
    fire.client.saves(more=5)
    taken = fire.client.recovery_s(lambda: fire.station.kill("hung worker"))
    assert taken < HUNG_WORKER_S - (DEFAULT_SILENCE_S - SILENCE_S)


def test_captures_sent_to_a_camera_process_that_is_just_starting_have_one_outcome(fire: Fire) -> None:
    fire.client.saves(more=5)
    fire.station.kill("camera")
    capture: Callable[[int], object] = lambda _: fire.station.capture()  # noqa: E731
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(capture, range(80)))


def test_after_all_kills_the_ledger_adds_up_and_no_acknowledged_capture_is_lost(fire: Fire) -> None:
    fire.cease()
    print(fire.summary())
    assert (fire.station.inconsistencies(), fire.client.lost()) == ([], [])
    assert len(fire.client.saved()) > 100


def test_a_kill_of_a_part_that_is_already_lost_does_not_stop_the_station(fire: Fire) -> None:
    os.kill(fire.station.camera_pid(), signal.SIGKILL)
    assert fire.station.stop() == 0


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_two_hundred_kills_lose_and_double_nothing(long_fire: Fire) -> None:
    for target in long_fire.chance.choices(list(PROMISED_S), weights=(5, 2, 2, 3, 1, 2), k=200):
        long_fire.kill(target)
    long_fire.cease()
    long_fire.write(SUMMARY)
    print(long_fire.summary())
    assert (long_fire.station.inconsistencies(), long_fire.client.lost()) == ([], [])
