"""Packets from a driver to a reader that copies them: bounded, in order, and never mixed with frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cameras.drivers.base import FrameData
from cameras.drivers.packets import CodedStream, PacketData
from cameras.runtime.buffer import CopyingReader, QueueLimits, SharedFrameBuffer

GROUP = 5
STREAM = CodedStream("h264")


def packet(number: int, of: CodedStream = STREAM, size: int = 10) -> PacketData:
    return PacketData(bytes(size), of, number % GROUP == 0, number * 10**9, float(number), number)


def frame(number: int) -> FrameData:
    return FrameData(np.zeros((2, 2), np.uint8), number, float(number), number)


def read_all(reader: CopyingReader) -> list[int]:
    return [item.number for item in iter(lambda: reader.get(0), None)]


@pytest.fixture
def buffer() -> SharedFrameBuffer:
    return begun_buffer(QueueLimits())


def begun_buffer(limits: QueueLimits) -> SharedFrameBuffer:
    buffer = SharedFrameBuffer(limits)
    buffer.begin(STREAM)
    return buffer


@pytest.fixture
def reader(buffer: SharedFrameBuffer) -> CopyingReader:
    return buffer.open_copying_reader(100)


def put(buffer: SharedFrameBuffer, numbers: range, size: int = 10) -> None:
    for number in numbers:
        buffer.put_packet(packet(number, size=size))


def test_an_overflow_loses_all_packets_until_the_next_key_frame() -> None:
    buffer = begun_buffer(QueueLimits(packets=3))
    reader = buffer.open_copying_reader(100)
    put(buffer, range(4))
    assert read_all(reader) == [0, 1, 2]
    put(buffer, range(4, 8))
    assert read_all(reader) == [5, 6, 7]
    assert reader.lost == 2
    assert buffer.lost == 2


def test_a_queue_of_packets_is_bounded_by_their_bytes() -> None:
    buffer = begun_buffer(QueueLimits(packet_bytes=100))
    reader = buffer.open_copying_reader(100)
    put(buffer, range(5), size=40)
    assert read_all(reader) == [0, 1]
    assert reader.lost == 3


def test_frames_serve_live_view_only_while_packets_are_copied(buffer: SharedFrameBuffer, reader: CopyingReader) -> None:
    other = buffer.open_reader(100)
    put(buffer, range(2))
    buffer.put_frame(frame(0))
    assert read_all(reader) == [0, 1]
    assert len(other) == 1
    assert buffer.frames == 2
    assert buffer.get_frame_for_streaming()


def test_a_refused_stream_is_read_as_frames_and_the_next_one_as_packets(
    buffer: SharedFrameBuffer, reader: CopyingReader
) -> None:
    reader.refuse_packets(STREAM)
    put(buffer, range(2))
    buffer.put_frame(frame(7))
    assert buffer.wants_packets is False
    assert read_all(reader) == [7]
    following = CodedStream("h264")
    buffer.begin(following)
    buffer.put_packet(packet(0, following))
    assert buffer.wants_packets is True
    assert read_all(reader) == [0]


def test_frames_missed_by_the_driver_count_between_two_frames_and_not_after_a_packet(
    buffer: SharedFrameBuffer, reader: CopyingReader
) -> None:
    put(buffer, range(2))
    reader.refuse_packets(STREAM)
    buffer.put_frame(replace(frame(7), missed=500))
    buffer.put_frame(replace(frame(11), missed=3))
    assert read_all(reader) == [0, 1, 7, 11]
    assert reader.lost == 3
    assert reader.lost_since_newest == 0


def test_nothing_comes_after_the_end_of_a_stream(buffer: SharedFrameBuffer, reader: CopyingReader) -> None:
    buffer.end()
    put(buffer, range(2))
    assert buffer.wants_packets is False
    assert read_all(reader) == []


def test_packets_are_not_wanted_without_a_reader_that_copies(buffer: SharedFrameBuffer, reader: CopyingReader) -> None:
    assert buffer.wants_packets
    buffer.close_reader(reader)
    put(buffer, range(2))
    assert buffer.wants_packets is False
    assert buffer.frames == 0
    assert read_all(reader) == []
