"""The packets that a picture can still be made of. Compressed they are small, so that a picture is there at once for
who asks, however long ago the last key frame was."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from av import Packet
from av.video.stream import VideoStream

BEHIND_S = 1.0
"""Whoever decodes more slowly than this is late goes on from the newest key frame."""
MOST_BYTES = 128_000_000
KEPT_WITH_IT = 800
"""Bytes that keeping a packet costs besides its own: a source may send millions that have hardly any."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a packet came. `captured` is seconds of the monotonic clock, `captured_ns` the same moment in UTC; `number`
    counts packets.

    `earliest` is when it may have been captured at the earliest: a still is none that is older than its order.
    """

    number: int
    captured: float
    captured_ns: int
    earliest: float


@dataclass(frozen=True, slots=True)
class ArrivedPacket(Arrival):
    packet: Packet[VideoStream]

    @property
    def arrival(self) -> Arrival:
        """Without the packet, made anew each time: PyAV keeps what a packet carries until the packet is gone, in a
        table by its address, so that it may neither name the packet nor be carried by two."""
        return Arrival(self.number, self.captured, self.captured_ns, self.earliest)


class PacketBuffer:
    """Groups of packets, each from a key frame to the next: the newest one, and those of the last moments."""

    def __init__(self) -> None:
        self._groups: deque[list[ArrivedPacket]] = deque()
        self._bytes = 0

    def clear(self) -> None:
        self._groups.clear()
        self._bytes = 0

    def add(self, arrived: ArrivedPacket) -> None:
        """What comes before the first key frame is of no use."""
        if arrived.packet.is_keyframe:
            self._groups.append([])
        if self._groups:
            self._groups[-1].append(arrived)
            self._bytes += cost(arrived)
            self._forget(arrived.captured)

    def after(self, number: int) -> ArrivedPacket | None:
        """The packet that follows `number`, or the newest key frame, should what lies between be gone."""
        for group in self._groups:
            place = number + 1 - group[0].number
            if 0 <= place < len(group):
                return group[place]
        if self._groups and number < self._groups[-1][0].number:
            return self._groups[-1][0]
        return None

    @property
    def group(self) -> list[ArrivedPacket]:
        """What came since the newest key frame, as far as it is kept."""
        return self._groups[-1] if self._groups else []

    def newest_group(self) -> int:
        """The number before the newest key frame; -1 where there is none."""
        return self._groups[-1][0].number - 1 if self._groups else -1

    def _forget(self, now: float) -> None:
        while len(self._groups) > 1 and (self._bytes > MOST_BYTES or now - self._groups[1][0].captured > BEHIND_S):
            self._drop()
        if self._bytes > MOST_BYTES:
            self._drop()

    def _drop(self) -> None:
        self._bytes -= sum(cost(arrived) for arrived in self._groups.popleft())


def cost(arrived: ArrivedPacket) -> int:
    return arrived.packet.size + KEPT_WITH_IT
