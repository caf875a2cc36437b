"""The buffered packets of a network camera, and their limit."""

from __future__ import annotations

from typing import cast

import pytest
from av import Packet
from av.video.stream import VideoStream

from cameras.drivers.network import packet_buffer
from cameras.drivers.network.packet_buffer import ArrivedPacket, PacketBuffer


def arrived(number: int) -> ArrivedPacket:
    """The first of each 1000 is a key frame; each has one byte and lasts one millisecond."""
    packet = cast("Packet[VideoStream]", Packet(b"x"))
    packet.is_keyframe = number == 0
    return ArrivedPacket(number, 0.0, 0, 0.0, packet)


def test_packets_of_hardly_any_bytes_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_buffer, "MOST_BYTES", 100_000)
    kept = PacketBuffer()
    for number in range(1000):
        kept.add(arrived(number))
    assert kept.after(500) is None
