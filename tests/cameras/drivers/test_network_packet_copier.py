"""The presentation times of copied packets, and the last packet of a connection."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import numpy as np
import pytest
from av import Packet
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.network.packet_buffer import ArrivedPacket, CaptureClock, PacketCopier
from cameras.drivers.packets import CodedStream, PacketData

FPS = 25
SEEN = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14]
"""In the order of sending: each third picture is sent before the two that precede it."""
LATENESSES = st.lists(st.floats(0, 2), min_size=len(SEEN), max_size=len(SEEN))


class Sink:
    wants_packets = True
    frames = 0

    def __init__(self) -> None:
        self.given: list[PacketData] = []

    def begin(self, coded: CodedStream) -> None:
        """Ignored."""

    def put_packet(self, packet: PacketData) -> None:
        self.given.append(packet)

    def end(self) -> None:
        """Ignored."""


def packet(place: int, seen: list[int]) -> Packet[VideoStream]:
    found = cast("Packet[VideoStream]", Packet(b"x"))
    found.is_keyframe, found.time_base = place == 0, Fraction(1, FPS)
    found.dts, found.pts = place, seen[place] + (0 if seen == sorted(seen) else 1)
    return found


def shown(seen: list[int], latenesses: list[float]) -> list[float]:
    """The presentation time of each picture, in presentation order."""
    sink, clock, group = Sink(), CaptureClock(0), list[ArrivedPacket]()
    copier, now = PacketCopier(sink, b""), 0.0
    for place, late in enumerate(latenesses):
        now = max(now, 100 + place / FPS + late)
        captured = clock.captured(now, place / FPS)
        group.append(ArrivedPacket(place, captured, round(captured * 1e9), captured, packet(place, seen)))
        copier.add(group[-1], group)
    copier.put_held()
    by_number = {given.number: given.monotonic + given.shown_after_s for given in sink.given}
    return [by_number[place] for _, place in sorted((at, place) for place, at in enumerate(seen))]


@given(LATENESSES)
def test_reordered_pictures_are_shown_in_order_however_late_each_arrived(latenesses: list[float]) -> None:
    times = shown(SEEN, latenesses)
    assert times == sorted(set(times))


def test_an_initial_delay_is_corrected_gradually() -> None:
    times = shown(SEEN, [0.3] + [0.0] * 15)
    assert np.diff(times) == pytest.approx([1 / FPS] * 15, rel=0.11)


def test_pictures_sent_in_order_are_shown_when_they_were_captured() -> None:
    straight = list(range(len(SEEN)))
    assert shown(straight, [0.3] + [0.0] * 15)[-1] == pytest.approx(100 + 15 / FPS, abs=0.001)


def test_a_packet_is_copied_once_another_one_follows() -> None:
    sink, group = Sink(), list[ArrivedPacket]()
    copier = PacketCopier(sink, b"")
    for place in range(3):
        group.append(ArrivedPacket(place, float(place), place, float(place), packet(place, [0, 1, 2])))
        copier.add(group[-1], group)
    assert [one.number for one in sink.given] == [0, 1]
    copier.put_held()
    assert [one.number for one in sink.given] == [0, 1, 2]
