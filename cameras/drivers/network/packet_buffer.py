"""A buffer of the packets since the newest key frames. Compressed packets are small, so a picture can be decoded at
once, however old the last key frame is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from av import Packet
from av.video.stream import VideoStream

BEHIND_S = 1.0
"""A reader that lags further behind continues from the newest key frame."""
MOST_BYTES = 128_000_000
KEPT_WITH_IT = 800
"""The memory overhead of a packet in bytes: a source may send millions of tiny packets."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a packet arrived. `captured` is in seconds of the monotonic clock, `captured_ns` the same moment in UTC;
    `number` counts packets.

    `earliest` is the earliest time at which it can have been captured: a still must not be older than its request.
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
        """A copy without the packet, a new one each time. PyAV keeps the `opaque` of a packet alive until the packet is
        freed, in a table keyed by address: so it must not refer to the packet and must not be shared by two."""
        return Arrival(self.number, self.captured, self.captured_ns, self.earliest)


class PacketBuffer:
    """Groups of packets, each from one key frame to the next: the newest group, and those of the last BEHIND_S."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._groups: deque[list[ArrivedPacket]] = deque()
        self._bytes = 0

    def clear(self) -> None:
        self._groups.clear()
        self._bytes = 0

    def add(self, arrived: ArrivedPacket) -> None:
        """Packets before the first key frame are dropped: they cannot be decoded."""
        if arrived.packet.is_keyframe:
            self._groups.append([])
        if self._groups:
            self._groups[-1].append(arrived)
            self._bytes += cost(arrived)
            self._forget(arrived.captured)

    def after(self, number: int) -> ArrivedPacket | None:
        """The packet after `number`; the newest key frame if the packets between are gone."""
        for group in self._groups:
            # The reader numbers packets without gaps, so the place in a group follows from the number.
            place = number + 1 - group[0].number
            if 0 <= place < len(group):
                return group[place]
        # After a gap only a key frame can be decoded.
        if self._groups and number < self._groups[-1][0].number:
            return self._groups[-1][0]
        return None

    @property
    def group(self) -> list[ArrivedPacket]:
        """The buffered packets since the newest key frame."""
        return self._groups[-1] if self._groups else []

    def newest_group(self) -> int:
        """The number before the newest key frame; -1 without one."""
        return self._groups[-1][0].number - 1 if self._groups else -1

    def _forget(self, now: float) -> None:
        while len(self._groups) > 1 and (
            self._bytes > self._most_bytes or now - self._groups[1][0].captured > BEHIND_S
        ):
            self._drop()
        # Even the newest group: a source without further key frames would fill the memory. Reading continues at its
        # next key frame.
        if self._bytes > self._most_bytes:
            self._drop()

    def _drop(self) -> None:
        self._bytes -= sum(cost(arrived) for arrived in self._groups.popleft())


def cost(arrived: ArrivedPacket) -> int:
    return arrived.packet.size + KEPT_WITH_IT
