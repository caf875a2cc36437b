"""Whether a clip has the frames of its camera's set rate, and where it has none."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cameras.spool.records import MAX_HOLES
from captures.recordings.recorder.delivery import ClipDelivery, RecentDelivery
from captures.recordings.recorder.recovery import delivery_of, playable_part
from tests.harness.rows.clips import uneven

FPS = 15.0
STEP_S = 1 / FPS


def steady(frames: int, step_s: float = STEP_S, begin: float = 100.0) -> list[float]:
    """The times of frames."""
    return [begin + number * step_s for number in range(frames)]


def clip(times: Iterable[float], fps: float | None = FPS) -> ClipDelivery:
    delivery = ClipDelivery()
    for at in times:
        delivery.add(at, fps)
    return delivery


def recording(times: Iterable[float], fps: float | None = FPS) -> RecentDelivery:
    recent = RecentDelivery()
    for at in times:
        recent.add(at, fps)
    return recent


def test_a_stream_of_the_set_rate_has_no_hole() -> None:
    found = clip(steady(900)).content()
    assert found == {"expected_fps": 15.0, "stills_s": 0.0, "hole_count": 0, "hole_s": 0.0, "holes": []}


def test_a_time_of_more_than_two_intervals_without_a_frame_is_a_hole() -> None:
    found = clip([*steady(15), *steady(15, begin=100 + 14 * STEP_S + 0.24)]).content()
    [hole] = found["holes"]
    assert found["hole_count"] == 1
    assert found["hole_s"] == pytest.approx(0.24)
    assert [hole["begin_s"], hole["end_s"]] == pytest.approx([14 * STEP_S, 14 * STEP_S + 0.24], abs=1e-6)
    assert (hole["frames"], hole["reason"]) == (3, "not_delivered")


def test_a_single_missing_frame_is_no_hole() -> None:
    times = steady(30)
    assert clip([*times[:10], *times[11:]]).content()["hole_count"] == 0


def test_a_camera_that_is_slow_all_the_time_has_a_hole_after_each_frame_of_which_the_longest_are_listed() -> None:
    times = [100 + number / 4.7 + (0.05 if number == 400 else 0) for number in range(554)]
    found = clip(times).content()
    assert found["hole_count"] == 553
    assert found["hole_s"] == pytest.approx(553 / 4.7)
    assert len(found["holes"]) == MAX_HOLES
    assert max(hole["end_s"] - hole["begin_s"] for hole in found["holes"]) == pytest.approx(1 / 4.7 + 0.05)
    assert found["holes"] == sorted(found["holes"], key=lambda hole: hole["begin_s"])


def test_a_still_explains_its_hole() -> None:
    delivery = clip(steady(10))
    last = 100 + 9 * STEP_S
    delivery.add(last + 2.1, FPS, stills=(last + 0.05, last + 2.05))
    found = delivery.content()
    assert found["stills_s"] == pytest.approx(2.1 - STEP_S)
    assert [hole["reason"] for hole in found["holes"]] == ["still"]


def test_a_hole_that_is_much_longer_than_its_still_is_not_explained_by_it() -> None:
    delivery = clip(steady(10))
    last = 100 + 9 * STEP_S
    delivery.add(last + 2.1, FPS, stills=(last + 0.05, last + 1.05))
    assert [hole["reason"] for hole in delivery.content()["holes"]] == ["not_delivered"]


def test_a_hole_in_which_frames_were_lost_says_so() -> None:
    delivery = clip(steady(10))
    delivery.add(101.0, FPS, lost=5)
    assert [hole["reason"] for hole in delivery.content()["holes"]] == ["lost"]


def test_the_stream_of_a_camera_without_a_set_rate_is_compared_with_itself() -> None:
    found = clip([*steady(20, 0.1), *steady(20, 0.1, begin=102.4)], fps=None).content()
    assert found["expected_fps"] is None
    assert found["hole_count"] == 1
    assert [hole["frames"] for hole in found["holes"]] == [4]


def test_a_clip_during_which_the_rate_is_changed_expects_both() -> None:
    delivery = clip(steady(151))
    for at in steady(50, 0.2, begin=110.2):
        delivery.add(at, 5.0)
    found = delivery.content()
    assert found["hole_count"] == 0
    assert found["expected_fps"] == pytest.approx(10.0)


def test_an_older_frame_is_no_hole() -> None:
    assert clip([100.0, 100.0, 99.0, 100.05]).content()["hole_count"] == 0


# The last minute of a recording


def test_before_a_minute_is_over_the_share_of_the_delivered_frames_is_unknown() -> None:
    assert recording(steady(300, 1 / 4.7)).rates.delivered_percent == pytest.approx(31, abs=0.5)
    assert recording(steady(200, 1 / 4.7)).rates == (4.7, None)
    assert recording(steady(10)).rates == (None, None)


def test_the_share_is_that_of_the_last_minute() -> None:
    slow, end = steady(300, 0.2), 100 + 300 * 0.2
    assert recording([*slow, *steady(450, begin=end)]).rates.delivered_percent == pytest.approx(66.7, abs=0.5)
    assert recording([*slow, *steady(1000, begin=end)]).rates == (15.0, 100.0)


def test_a_camera_that_takes_stills_delivers_what_it_can() -> None:
    recent = RecentDelivery()
    for second in range(90):
        for at in steady(8, begin=100.0 + second):
            recent.add(at, FPS, (at - 0.5, at - STEP_S) if at == 100.0 + second and second else None)
    assert recent.rates.delivered_percent == pytest.approx(100, abs=0.5)


def test_a_change_of_the_set_rate_begins_another_minute() -> None:
    recent = recording(steady(1000))
    for at in steady(100, 0.2, begin=100 + 999 * STEP_S + 0.2):
        recent.add(at, 5.0)
    assert recent.rates == (5.0, None)


def test_a_camera_that_was_away_counts_as_a_minute_without_frames() -> None:
    recent = recording([*steady(1000), *steady(150, begin=10_000.0)])
    assert recent.rates.delivered_percent == pytest.approx(100 * 10 / 60, abs=2)
    assert recent.holes == 1


# The times in a file that was cut off


def test_the_holes_of_a_clip_that_was_cut_off_are_read_from_its_file() -> None:
    times = [*steady(20, 0.1, begin=0.0), *steady(20, 0.1, begin=2.4)]
    found = delivery_of(playable_part(uneven(times)), 10.0)
    [hole] = found["holes"]
    assert found["expected_fps"] == 10.0
    assert found["hole_count"] == 1
    assert [hole["begin_s"], hole["end_s"]] == pytest.approx([1.9, 2.4], abs=1e-3)
    assert (hole["frames"], hole["reason"]) == (4, "unknown")
