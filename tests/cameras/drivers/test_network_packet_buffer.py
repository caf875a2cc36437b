"""The buffered packets of a network camera, and their limit."""

from __future__ import annotations

from typing import cast

from av import Packet
from av.video.stream import VideoStream

from cameras.drivers.network.packet_buffer import ArrivedPacket, PacketBuffer


def arrived(number: int) -> ArrivedPacket:
    """The first of each 1000 is a key frame; each has one byte and lasts one millisecond."""
    packet = cast("Packet[VideoStream]", Packet(b"x"))
    packet.is_keyframe = number == 0
    return ArrivedPacket(number, 0.0, 0, 0.0, packet)


def test_packets_of_hardly_any_bytes_do_not_fill_the_memory() -> None:
    kept = PacketBuffer(most_bytes=100_000)
    for number in range(1000):
        kept.add(arrived(number))
    assert kept.after(500) is None
