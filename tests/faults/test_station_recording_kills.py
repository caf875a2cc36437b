"""SIGKILL of each part of a station while it records: every file has its row, plays, and has each frame that was
written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.kills.recording_kills import RecordingStation
from tests.harness.project import PROJECT
from tests.harness.runs.tiers import further
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


@pytest.mark.parametrize("target", [TARGETS[0], *further(*TARGETS[1:])])
def test_recording_goes_on_after_a_kill(recording: RecordingStation, target: str) -> None:
    recording.kill(target)


def stop_and_settle(recording: RecordingStation) -> None:
    recording.wait_for_frames(15)
    recording.record("")
    recording.station.spools.eventually_settled()


def test_after_all_kills_every_clip_plays_and_has_its_row_and_each_written_frame(recording: RecordingStation) -> None:
    stop_and_settle(recording)
    assert recording.station.spools.inconsistencies() == []
    assert recording.incomplete_clips() == []
    assert recording.lost_of_written() == []


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_fifty_kills_cost_no_written_frame(long_recording: RecordingStation) -> None:
    for target in long_recording.chance.choices(TARGETS, weights=(3, 2, 1), k=50):
        long_recording.kill(target)
    stop_and_settle(long_recording)
    PAGE.write_text(f"# Kills of a station that records\n\n{long_recording.summary()}\n")
    assert long_recording.station.spools.inconsistencies() == []
    assert long_recording.incomplete_clips() == []
    assert long_recording.lost_of_written() == []
