"""Where a clip ends, and how long it waits for the next frame."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from captures.recordings.recorder.tracks import COPIED_TIMEOUT_S, FIRST_TIMEOUT_S, ClipTimes
from tests.harness.camera_processes.recorder_parts import frame


def times(*monotonic: float, copied: bool = False) -> ClipTimes:
    clip = ClipTimes(frame(monotonic[0]), copied=copied)
    for one in monotonic:
        clip.add(frame(one))
    return clip


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("clip", "timeout_s"),
    [
        (times(0.0), FIRST_TIMEOUT_S),
        (times(0.0, 0.1), 5.0),
        (times(0.0, 10.0), 50.0),
        (times(0.0, 0.1, copied=True), COPIED_TIMEOUT_S),
    ],
    ids=["one frame", "fast", "slow", "copied"],
)
def test_a_clip_waits_for_five_intervals_and_at_least_five_seconds(clip: ClipTimes, timeout_s: float) -> None:
    assert clip.timeout_s == pytest.approx(timeout_s)


def test_a_clip_ends_where_the_next_one_begins() -> None:
    assert times(0.0, 1.0).ended(frame(1.7)) == at(1.7)


def test_without_a_next_one_the_last_frame_lasts_as_long_as_the_one_before() -> None:
    assert times(0.0, 1.0, 1.5).ended(None) == at(2.0)


def test_after_the_wall_clock_was_set_the_end_is_measured_from_the_start() -> None:
    later = replace(frame(1.5), captured_ns=round(3600e9))
    assert times(0.0, 1.0).ended(later) == at(1.5)


def test_an_older_frame_changes_neither_the_newest_nor_the_interval() -> None:
    clip = times(0.0, 1.0, 0.5)
    assert clip.newest == 1.0
    assert clip.frames == 3
    assert clip.length_s == 1.0
    assert clip.timeout_s == 5.0
