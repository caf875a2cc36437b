"""What the camera loop hands to the recorder's thread: requests, and the frames of each recording."""

from __future__ import annotations

import pytest

from cameras.runtime.buffer import SharedFrameBuffer
from captures.recordings.recorder.recorder_inbox import FrameQueue, LossCounter, RecorderInbox
from tests.harness.camera_processes.recorder_parts import DESIRED, frame


@pytest.fixture
def buffer() -> SharedFrameBuffer:
    return SharedFrameBuffer()


@pytest.fixture
def queue(buffer: SharedFrameBuffer) -> FrameQueue:
    return FrameQueue(buffer, LossCounter(numbered=True))


@pytest.fixture
def inbox(queue: FrameQueue) -> RecorderInbox:
    return RecorderInbox(queue)


def number_of_next(inbox: RecorderInbox) -> int | None:
    read = inbox.next_frame()
    return None if read is None else read[0].number


def test_only_another_recording_is_a_request(inbox: RecorderInbox) -> None:
    found = []
    for desired in (DESIRED, DESIRED, {**DESIRED, "clip_s": 5.0}, None, DESIRED):
        inbox.request(desired)
        found.append(inbox.pop_request())
    assert found == [True, False, True, False, True]
    assert inbox.pop_request() is False


def test_after_a_stop_the_queue_is_read_to_its_end(inbox: RecorderInbox, buffer: SharedFrameBuffer) -> None:
    inbox.request(DESIRED)
    buffer.put_frame(frame(0.0, 7))
    inbox.request(None)
    buffer.put_frame(frame(0.1, 8))
    assert inbox.is_read_to_end is False
    assert number_of_next(inbox) == 7
    assert inbox.is_read_to_end is True
    assert inbox.queued_desired == DESIRED
    assert inbox.desired is None


def test_frames_before_a_stop_are_read_before_those_after_the_next_start(
    inbox: RecorderInbox, buffer: SharedFrameBuffer
) -> None:
    for number in range(2):
        inbox.request(DESIRED)
        buffer.put_frame(frame(float(number), number))
        inbox.request(None)
    assert number_of_next(inbox) == 0
    assert inbox.is_read_to_end is True
    assert inbox.open_next() is True
    assert number_of_next(inbox) == 1
    assert inbox.is_read_to_end is True
    assert inbox.open_next() is False


def test_frames_without_time_to_be_written_at_the_end_are_counted_as_lost(
    inbox: RecorderInbox, queue: FrameQueue, buffer: SharedFrameBuffer
) -> None:
    inbox.request(DESIRED)
    for number in range(5):
        buffer.put_frame(frame(float(number), number))
    assert number_of_next(inbox) == 0
    inbox.stop(0.0)
    assert number_of_next(inbox) is None
    assert inbox.is_read_to_end is True
    assert queue.count_lost_at_end() == 4


def test_it_is_over_once_everything_is_read_after_the_end_of_the_process(inbox: RecorderInbox) -> None:
    inbox.request(DESIRED)
    inbox.stop(60.0)
    assert inbox.is_over is False
    assert inbox.open_next() is False
    assert inbox.is_over is True
