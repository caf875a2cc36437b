"""SIGKILL of each part of a station while it records: every file has its row, plays, and lacks at most a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.recording_kills import GAP_S, LOST_S, Filmed
from tests.faults.station import FaultStation

TARGETS = ("camera", "worker", "all")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "recording-kills.md"


def filmed(folder: Path) -> Iterator[Filmed]:
    station = FaultStation(folder / "data", CAMERA_CONFIG__RECORDING_DURATION_MINUTES="0.1")
    try:
        station.up().sign_in().eventually_ready()
        station.call("PATCH", "cameras/simulated/settings/", {"scene": "chart"})
        film = Filmed(station)
        film.record("rolling")
        yield film
    finally:
        station.ensure_stopped()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filmed]:
    yield from filmed(tmp_path_factory.mktemp("film"))


@pytest.fixture
def long_film(tmp_path: Path) -> Iterator[Filmed]:
    yield from filmed(tmp_path)


@pytest.mark.parametrize("target", TARGETS)
def test_recording_goes_on_after_a_kill(film: Filmed, target: str) -> None:
    film.kill(target)


def test_after_all_kills_every_clip_plays_has_its_row_and_lacks_at_most_a_second(film: Filmed) -> None:
    film.films_for(1.0)
    film.record("")
    film.station.eventually_settled()
    costs = film.costs()
    assert (film.station.inconsistencies(), film.disordered()) == ([], [])
    assert max(cost.lost_s for cost in costs) < LOST_S
    assert max(cost.gap_s for cost in costs) < 2 * GAP_S


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_fifty_kills_cost_at_most_a_second_of_video_each(long_film: Filmed) -> None:
    for target in long_film.chance.choices(TARGETS, weights=(3, 2, 1), k=50):
        long_film.kill(target)
    long_film.films_for(1.0)
    long_film.record("")
    long_film.station.eventually_settled()
    PAGE.write_text(f"# Kills of a station that records\n\n{long_film.summary()}\n")
    assert (long_film.station.inconsistencies(), long_film.disordered()) == ([], [])
    assert max(cost.lost_s for cost in long_film.costs()) < LOST_S
    assert max(cost.gap_s for cost in long_film.costs()) < GAP_S
