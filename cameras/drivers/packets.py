"""Encoded packets of a camera on their way from the driver to a recorder that copies them. Django-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


# Compared by identity: a late packet of an earlier connection must not pass for one of the present stream, even if the
# camera sends the same parameter sets again.
@dataclass(frozen=True, slots=True, eq=False)
class CodedStream:
    """A stream of encoded packets. Each opening of a camera starts a new one.

    `extradata` holds the parameter sets known apart from the packets, as Annex B or as the content of an `avcC` box.
    With `avcC` the packets are in that format as well (ISO/IEC 14496-15).
    """

    codec: str
    """`h264`"""
    extradata: bytes = b""


@dataclass(frozen=True, slots=True)
class PacketData:
    """One encoded picture as the camera sent it, in decoding order.

    `captured_ns` (UTC) and `monotonic` (seconds) are those of `FrameData` and increase from packet to packet; `number`
    increases by one. `shown_after_s` is the presentation time minus the decoding time: not 0 with B-frames.
    """

    data: bytes
    of: CodedStream
    is_key: bool
    captured_ns: int
    monotonic: float
    number: int
    shown_after_s: float = 0.0
    simulated: bool = False

    @property
    def size(self) -> int:
        return len(self.data)


class PacketSink(Protocol):
    """Receives a driver's packets, on any thread. No method waits or raises."""

    @property
    def wants_packets(self) -> bool: ...

    @property
    def frames(self) -> int:
        """The number of pictures so far, encoded or not."""

    def begin(self, coded: CodedStream) -> None:
        """The camera is open, and its packets can be copied."""

    def put_packet(self, packet: PacketData) -> None: ...

    def end(self) -> None:
        """No more packets. Idempotent."""
