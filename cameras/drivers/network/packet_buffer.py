"""The packets that have arrived: a buffer of those since the newest key frames, and when each picture was captured.
Compressed packets are small, so a picture can be decoded at once, however old the last key frame is."""

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


LONGEST_STEP_S = 10.0
"""A longer step, or a step back, means that the camera's clock was reset."""
WINDOW_S = 10.0
"""At least one packet within this time is assumed to arrive without delay."""
SLEW = 1 / 40
"""The largest correction for a slow camera clock, as part of each step. It keeps reordered pictures (B-frames) in
order: the next one to be shown is sent fewer than 40 pictures later."""
LATEST_S = 10.0


class CaptureClock:
    """Packets may arrive late, never early. So the offset between our clock and the camera's is the smallest one seen
    over the last WINDOW_S. If the camera's clock is slow, the offset rises gradually."""

    def __init__(self, parsed: int) -> None:
        """`parsed` is how many packets must follow a packet before it is known to be complete."""
        self._parsed = parsed
        self._stamp: float | None = None
        self._captured = float("-inf")
        self._step_s = 0.0
        self._offset_s = 0.0
        self._smallest: deque[tuple[float, float]] = deque()
        """Arrival times and offsets, ascending: a sliding-window minimum."""

    def captured(self, arrived: float, stamp: float | None) -> float:
        """The capture time, which increases. It and `arrived` are in seconds of the monotonic clock, `stamp` in seconds
        of the camera's clock."""
        step_s = self._step_to(stamp)
        earliest = arrived - self._parsed * self._step_s
        found = (
            earliest if stamp is None else min(earliest, stamp + self._follow_offset(arrived, earliest - stamp, step_s))
        )
        # Strictly rising: the recorder's muxer fails on two equal time stamps.
        self._captured = max(found, self._captured + 1e-6)
        return self._captured

    def _step_to(self, stamp: float | None) -> float | None:
        """Seconds since the last stamp; None without one, or after a reset of the camera's clock."""
        before, self._stamp = self._stamp, stamp
        if before is None or stamp is None or not 0 < stamp - before <= LONGEST_STEP_S:
            return None
        self._step_s = stamp - before
        return self._step_s

    def _follow_offset(self, arrived: float, offset_s: float, step_s: float | None) -> float:
        """`offset_s` is the offset measured by this packet, including its delay."""
        # A clock that runs at half speed or was set back would otherwise leave the capture times behind without a
        # limit.
        if step_s is None or offset_s - self._offset_s >= LATEST_S:
            self._smallest.clear()
            self._offset_s = offset_s
        # Down at once, since a smaller offset proves that earlier packets were late; up by SLEW only, since a larger
        # one may be a delay.
        self._offset_s = min(self._smallest_offset(arrived, offset_s), self._offset_s + (step_s or 0.0) * SLEW)
        return self._offset_s

    def _smallest_offset(self, arrived: float, offset_s: float) -> float:
        """The smallest offset of the packets within `WINDOW_S`, including this one."""
        while self._smallest and self._smallest[0][0] < arrived - WINDOW_S:
            self._smallest.popleft()
        while self._smallest and self._smallest[-1][1] >= offset_s:
            self._smallest.pop()
        self._smallest.append((arrived, offset_s))
        return self._smallest[0][1]
