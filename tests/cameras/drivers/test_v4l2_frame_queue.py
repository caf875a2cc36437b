"""The queue of frames of a USB camera."""

from __future__ import annotations

import numpy as np
import pytest

from cameras.drivers.base import FrameData
from cameras.drivers.opencv.reader import MOST_FRAMES, FrameQueue


def frames(count: int, side: int = 4) -> list[FrameData]:
    image = np.zeros((side, side, 3), np.uint8)
    return [FrameData(image, 0, float(number), number) for number in range(count)]


def filled(waiting: list[FrameData]) -> FrameQueue:
    queue = FrameQueue()
    for frame in waiting:
        queue.add(frame)
    return queue


def numbers(queue: FrameQueue) -> list[int]:
    return [frame.number for frame in iter(queue.pop_oldest, None)]


def test_frames_come_out_in_order_and_none_is_missing() -> None:
    queue = filled(frames(MOST_FRAMES))
    assert numbers(queue) == list(range(MOST_FRAMES))
    assert queue.lost == 0


def test_of_too_many_frames_the_oldest_are_lost_and_counted() -> None:
    queue = filled(frames(MOST_FRAMES + 3))
    assert queue.lost == 3
    assert numbers(queue) == list(range(3, MOST_FRAMES + 3))


@pytest.mark.parametrize(("side", "kept"), [(1280, 26), (8000, 6)])
def test_large_frames_wait_in_smaller_number(side: int, kept: int) -> None:
    assert len(numbers(filled(frames(40, side)))) == kept


@pytest.mark.parametrize(("ordered", "skip", "found"), [(1.0, 0, 2), (1.0, 1, 3), (0.5, 2, 3)])
def test_a_still_is_among_those_captured_after_its_request(ordered: float, skip: int, found: int) -> None:
    queue = filled(frames(5))
    still = queue.frame_after(ordered, skip)
    assert still is not None
    assert still.number == found
    assert numbers(queue) == [0, 1, 2, 3, 4]


def test_a_still_that_is_not_there_yet_is_none() -> None:
    assert filled(frames(5)).frame_after(3.0, 1) is None
