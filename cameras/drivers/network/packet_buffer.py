"""The packets that have arrived: a buffer of those since the newest key frames, when each picture was captured, and
`PacketCopier`, which copies them unchanged to a sink. Compressed packets are small, so a picture can be decoded at
once, however old the last key frame is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from av import Packet, VideoFrame
from av.video.stream import VideoStream

from cameras.drivers.packets import CodedStream, PacketData, PacketSink

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


COPIED_CODEC = "h264"
PLAYABLE_FORMATS = frozenset({"yuv420p", "yuvj420p"})
"""The H.264 pixel formats that browsers play."""
LEAD_S = 10.0
"""Copying begins with the packets since the newest key frame, unless it is older than this."""
MOST_SHIFT_S = 5.0
LEAST_STEP_S = 1e-6
REORDERED = 17
"""The maximum number of pictures until FFmpeg knows the reordering between decoding and presentation."""


def may_be_copied(codec: str, picture: VideoFrame) -> bool:
    """Whether browsers play the codec of this picture. With interlaced video each packet is half a picture."""
    return codec == COPIED_CODEC and picture.format.name in PLAYABLE_FORMATS and not picture.interlaced_frame


class PacketCopier:
    """Used by the reading thread only, apart from its construction. It is one packet behind: when a source disconnects,
    the last packet may be an incomplete picture."""

    def __init__(self, sink: PacketSink, extradata: bytes | None) -> None:
        self._sink, self._coded = sink, CodedStream(COPIED_CODEC, extradata or b"")
        self._copying = False
        self._newest = -1
        self._held: PacketData | None = None
        self._order = PresentationOrder()
        sink.begin(self._coded)

    def add(self, arrived: ArrivedPacket, group: list[ArrivedPacket]) -> None:
        """`group` are the packets since the newest key frame, including `arrived`."""
        if not self._sink.wants_packets:
            self._copying, self._held = False, None
        # Without a usable key frame the packets are passed on singly, and the recorder waits for the next key frame.
        elif self._copying or not group or arrived.captured - group[0].captured > LEAD_S:
            at = _seconds(arrived.packet, arrived.packet.dts)
            self._put_previous(self._packet(arrived, at, _shift_s(arrived.packet), arrived.captured))
        # FFmpeg knows no decoding time for the first packets of a stream with B-frames; those that it knows later are
        # more exact than any derived ones.
        elif arrived.packet.dts is not None or len(group) > REORDERED:
            self._copying = True
            for packet in self._lead(group):
                self._put_previous(packet)

    def put_held(self) -> None:
        """Put the last packet as well: it is complete."""
        if self._held:
            self._newest = self._held.number
            self._sink.put_packet(self._held)
            self._held = None

    def _put_previous(self, packet: PacketData) -> None:
        """Put the packet before this one, and hold this one. Each is put once, even if copying begins again."""
        if packet.number > (self._held.number if self._held else self._newest):
            self.put_held()
            self._held = packet

    def _lead(self, group: list[ArrivedPacket]) -> list[PacketData]:
        """The first packets. Those that were queued arrive all at once, so their times are corrected: each is one step
        of the camera's clock older than the next."""
        decoded, captured = decode_times(group), list[float]()
        moment, after = float("inf"), decoded[-1]
        for arrived, at in zip(reversed(group), reversed(decoded), strict=True):
            step_s = after - at if 0 < after - at <= LONGEST_STEP_S else LEAST_STEP_S
            moment, after = min(arrived.captured, moment - step_s), at
            captured.append(moment)
        self._order = PresentationOrder()
        return [
            self._packet(arrived, at, _presentation_s(arrived, at, group) - at, moment)
            for arrived, at, moment in zip(group, decoded, reversed(captured), strict=True)
        ]

    def _packet(self, arrived: ArrivedPacket, decoded: float | None, shift_s: float, captured: float) -> PacketData:
        shift_s += self._order.later_by(captured, decoded, shift_s)
        return PacketData(
            # A copy: the recorder's queue may hold it longer than the buffer holds PyAV's packet.
            bytes(arrived.packet), self._coded, arrived.packet.is_keyframe, monotonic=captured, number=arrived.number,
            # Moved by as much as `captured`, so that both clocks still name the same moment.
            captured_ns=arrived.captured_ns - round((arrived.captured - captured) * 1e9),
            shown_after_s=min(max(0.0, shift_s), MOST_SHIFT_S),
        )  # fmt: skip


class PresentationOrder:
    """Keeps reordered pictures (B-frames) in presentation order while a decreasing delay moves their times closer
    together: the offset follows by at most SLEW of each step."""

    def __init__(self) -> None:
        self._reordered = False
        self._before: float | None = None
        self._offset_s = float("-inf")

    def later_by(self, captured: float, decoded: float | None, shift_s: float) -> float:
        """Seconds to add to a picture's presentation time, so that it stays behind the pictures before it."""
        self._reordered = self._reordered or shift_s > 0
        if decoded is None or not self._reordered:
            return 0.0
        before, self._before = self._before, decoded
        step_s = decoded - before if before is not None and decoded > before else 0.0
        offset_s = captured - decoded
        followed = self._offset_s - step_s * SLEW
        self._offset_s = followed if offset_s < followed <= offset_s + MOST_SHIFT_S else offset_s
        return self._offset_s - offset_s


def decode_times(group: list[ArrivedPacket]) -> list[float]:
    """Decoding times in seconds of the camera's clock. FFmpeg knows none for the first packets of a connection; they
    are derived from the packets' durations."""
    found, after = list[float](), 0.0
    for arrived in reversed(group):
        known = _seconds(arrived.packet, arrived.packet.dts)
        after = known if known is not None else after - _duration_s(arrived.packet)
        found.append(after)
    return found[::-1]


def _presentation_s(arrived: ArrivedPacket, at: float, group: list[ArrivedPacket]) -> float:
    """The presentation time in seconds of the camera's clock; `at` is the decoding time. A key frame without one is
    shown before all that follow."""
    own = _seconds(arrived.packet, arrived.packet.pts)
    if own is not None or not arrived.packet.is_keyframe:
        return at if own is None else own
    others = [_seconds(other.packet, other.packet.pts) for other in group]
    return min((other - _duration_s(arrived.packet) for other in others if other is not None), default=at)


def _shift_s(packet: Packet[VideoStream]) -> float:
    """Presentation time minus decoding time, by the camera's time stamps."""
    decoded, shown = _seconds(packet, packet.dts), _seconds(packet, packet.pts)
    return 0.0 if decoded is None or shown is None else shown - decoded


def _seconds(packet: Packet[VideoStream], ticks: int | None) -> float | None:
    return None if ticks is None or packet.time_base is None else float(ticks * packet.time_base)


def _duration_s(packet: Packet[VideoStream]) -> float:
    return _seconds(packet, packet.duration or 0) or 0.0
