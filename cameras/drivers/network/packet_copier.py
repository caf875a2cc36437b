"""Copies the packets of one connection, unchanged, to a sink."""

from __future__ import annotations

from av import Packet, VideoFrame
from av.video.stream import VideoStream

from cameras.drivers.network.packet_buffer import LONGEST_STEP_S, SLEW, ArrivedPacket
from cameras.drivers.packets import CodedStream, PacketData, PacketSink

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
