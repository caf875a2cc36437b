"""`SharedFrameBuffer`: no frame is torn, duplicated or out of order; frames that do not fit are counted."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import FrameData
from cameras.runtime.buffer import FrameReader, QueueLimits, SharedFrameBuffer
from tests.harness.runs.examples import examples
from tests.harness.waiting import PATIENCE_S, eventually


def frame(number: int) -> FrameData:
    """Each pixel is the number of the frame, so a torn frame is detected."""
    return FrameData(np.full((8, 8), number % 65536, np.uint16), number, float(number), number)


def numbers(reader: FrameReader) -> list[int]:
    return [found.number for found in iter(lambda: reader.get(0.0), None)]


def whole(found: FrameData) -> bool:
    return bool((found.image == found.number % 65536).all())


def test_there_is_no_frame_before_the_first() -> None:
    assert SharedFrameBuffer().get_frame_for_streaming() is None


@examples(60)
@given(most=st.integers(1, 20), sent=st.integers(0, 60))
def test_a_reader_has_or_counts_as_lost_each_frame_in_order(most: int, sent: int) -> None:
    buffer = SharedFrameBuffer()
    reader = buffer.open_reader(most)
    any(map(buffer.put_frame, map(frame, range(sent))))
    received = numbers(reader)
    assert received == list(range(min(most, sent)))
    assert reader.lost == max(0, sent - most)


@examples(60)
@given(steps=st.lists(st.booleans(), max_size=80), most=st.integers(1, 5))
def test_frames_put_and_read_alternately_stay_in_order(steps: list[bool], most: int) -> None:
    buffer = SharedFrameBuffer()
    reader = buffer.open_reader(most)
    received = [reader.get(0.0) if reads else buffer.put_frame(frame(place)) for place, reads in enumerate(steps)]
    got = [found.number for found in received if found] + numbers(reader)
    assert got == sorted(set(got))
    assert len(got) + reader.lost == steps.count(False)


def test_a_fetched_frame_is_left_out_when_the_stream_has_gone_on() -> None:
    buffer = SharedFrameBuffer()
    reader = buffer.open_reader(5)
    buffer.put_fetched_frame(frame(1))
    buffer.put_frame(frame(3))
    buffer.put_fetched_frame(frame(2))
    buffer.put_fetched_frame(frame(4))
    assert numbers(reader) == [1, 3, 4]


def test_the_newest_frame_is_whole_and_never_older_than_the_one_before() -> None:
    buffer, seen = SharedFrameBuffer(), list[FrameData]()
    buffer.put_frame(frame(0))
    ended = threading.Event()

    def read_newest() -> None:
        while not ended.is_set():
            found = buffer.get_frame_for_streaming()
            assert found is not None
            seen.append(found)

    viewer = threading.Thread(target=read_newest)
    viewer.start()
    any(map(buffer.put_frame, map(frame, range(1, 3000))))
    ended.set()
    viewer.join()
    assert all(map(whole, seen))
    assert [found.number for found in seen] == sorted(found.number for found in seen)


def test_two_readers_and_a_stalled_one_each_get_every_frame_that_fits() -> None:
    buffer = SharedFrameBuffer()
    first, second, stalled = buffer.open_reader(500), buffer.open_reader(500), buffer.open_reader(3)
    any(map(buffer.put_frame, map(frame, range(300))))
    assert numbers(first) == list(range(300))
    assert numbers(second) == list(range(300))
    assert numbers(stalled) == [0, 1, 2]
    assert buffer.lost == 297


def test_losses_are_still_counted_after_their_reader_has_gone() -> None:
    buffer = SharedFrameBuffer()
    reader = buffer.open_reader(1)
    any(map(buffer.put_frame, map(frame, range(5))))
    buffer.close_reader(reader)
    assert buffer.lost == 4


def test_a_callback_that_raises_is_counted_and_does_no_harm() -> None:
    buffer, heard = SharedFrameBuffer(), queue.Queue[int]()
    raising = buffer.register_streaming_callback(lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    buffer.register_streaming_callback(lambda found: heard.put(found.number))
    reader = buffer.open_reader(10)
    buffer.put_frame(frame(0))
    assert heard.get(timeout=PATIENCE_S) == 0
    eventually(lambda: raising.failures == 1)
    buffer.put_frame(frame(1))
    assert heard.get(timeout=PATIENCE_S) == 1
    assert numbers(reader) == [0, 1]


def test_a_callback_that_hangs_misses_frames_and_does_not_slow_down_the_camera() -> None:
    buffer, begun, go_on, heard = SharedFrameBuffer(), threading.Event(), threading.Event(), list[int]()

    def hang(found: FrameData) -> None:
        heard.append(found.number)
        begun.set()
        go_on.wait(PATIENCE_S)

    hanging, reader = buffer.register_streaming_callback(hang), buffer.open_reader(100)
    buffer.put_frame(frame(0))
    assert begun.wait(PATIENCE_S)
    any(map(buffer.put_frame, map(frame, range(1, 100))))
    assert numbers(reader) == list(range(100))
    go_on.set()
    eventually(lambda: heard == [0, 99])
    assert hanging.missed == 98


def test_a_frame_that_cannot_be_prepared_is_lost_and_counted() -> None:
    def prepared(found: FrameData) -> FrameData:
        return replace(found, number=found.number // (found.number % 2))

    buffer = SharedFrameBuffer()
    reader = buffer.open_reader(10, prepared)
    any(map(buffer.put_frame, map(frame, range(4))))
    assert numbers(reader) == [1, 3]
    assert reader.lost == 2


def test_a_queue_of_large_frames_is_bounded_by_their_bytes() -> None:
    buffer = SharedFrameBuffer(QueueLimits(frame_bytes=3 * frame(0).size))
    reader = buffer.open_reader(10)
    any(map(buffer.put_frame, map(frame, range(5))))
    assert numbers(reader) == [0, 1, 2]
    assert reader.lost == 2


def test_a_reader_that_waits_is_woken_by_a_frame() -> None:
    buffer = SharedFrameBuffer()
    reader = buffer.open_reader(10)
    sender = threading.Timer(0.02, buffer.put_frame, [frame(7)])
    sender.start()
    found = reader.get(PATIENCE_S)
    sender.join()
    assert found is not None
    assert found.number == 7


def test_a_closed_reader_delivers_its_frames_and_then_returns_nothing_at_once() -> None:
    buffer = SharedFrameBuffer()
    reader = buffer.open_reader(10)
    buffer.put_frame(frame(1))
    buffer.close_reader(reader)
    buffer.put_frame(frame(2))
    assert numbers(reader) == [1]
    assert reader.get(1000.0) is None
