"""SIGKILL of each part of a station while it records: every file has its row, plays, and lacks at most a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.kills.recording_kills import GAP_S, LOST_S, RecordingStation
from tests.harness.project import PROJECT
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station

TARGETS = ("camera", "worker", "all")
PAGE = PROJECT / "docs" / "measurements" / "recording-kills.md"


def recording_station(folder: Path) -> Iterator[RecordingStation]:
    station = Station(folder / "data", CAMERA_CONFIG__RECORDING_DURATION_MINUTES="0.1", **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        station.api.call("PATCH", "cameras/simulated/settings/", {"scene": "chart"})
        recording = RecordingStation(station)
        recording.record("rolling")
        yield recording
    finally:
        station.ensure_stopped()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingStation]:
    yield from recording_station(tmp_path_factory.mktemp("recording"))


@pytest.fixture
def long_recording(tmp_path: Path) -> Iterator[RecordingStation]:
    yield from recording_station(tmp_path)


@pytest.mark.parametrize("target", TARGETS)
def test_recording_goes_on_after_a_kill(recording: RecordingStation, target: str) -> None:
    recording.kill(target)


def test_after_all_kills_every_clip_plays_has_its_row_and_lacks_at_most_a_second(recording: RecordingStation) -> None:
    recording.wait_while_recording(1.0)
    recording.record("")
    recording.station.spools.eventually_settled()
    costs = recording.costs()
    assert recording.station.spools.inconsistencies() == []
    assert recording.incomplete_clips() == []
    assert max(cost.lost_s for cost in costs) < LOST_S * recording.slowest
    assert max(cost.gap_s for cost in costs) < 2 * GAP_S * recording.slowest


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_fifty_kills_cost_at_most_a_second_of_video_each(long_recording: RecordingStation) -> None:
    for target in long_recording.chance.choices(TARGETS, weights=(3, 2, 1), k=50):
        long_recording.kill(target)
    long_recording.wait_while_recording(1.0)
    long_recording.record("")
    long_recording.station.spools.eventually_settled()
    PAGE.write_text(f"# Kills of a station that records\n\n{long_recording.summary()}\n")
    assert long_recording.station.spools.inconsistencies() == []
    assert long_recording.incomplete_clips() == []
    assert max(cost.lost_s for cost in long_recording.costs()) < LOST_S
    assert max(cost.gap_s for cost in long_recording.costs()) < GAP_S
