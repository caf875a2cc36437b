"""A camera's own coded pictures on their way from a driver to whoever copies them. Nothing here needs Django."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, eq=False)
class CodedStream:
    """A stream of coded pictures, from the opening of a camera to its end: each opening makes another one.

    `extradata` holds the parameter sets as far as they are known apart from the packets, as Annex B or as the content
    of an `avcC` box; the latter says that the packets are such as well (ISO/IEC 14496-15).
    """

    codec: str
    """`h264`"""
    extradata: bytes = b""


@dataclass(frozen=True, slots=True)
class PacketData:
    """One coded picture, as the camera sent it, in the order of decoding.

    `captured_ns` (UTC) and `monotonic` (seconds) are as of `FrameData`, and rise from packet to packet; `number` rises
    by one. `shown_after_s` is how long after its decoding it is to be shown: not 0 where pictures are sent in another
    order than they are seen (B-frames).
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
    """Where a driver puts packets, from any thread. Nothing of it waits or raises."""

    @property
    def wants_packets(self) -> bool: ...

    @property
    def frames(self) -> int:
        """How many pictures came so far, coded or not."""

    def begin(self, coded: CodedStream) -> None:
        """The camera is open, and what it sends can be copied."""

    def put_packet(self, packet: PacketData) -> None: ...

    def end(self) -> None:
        """No packet comes any more. Idempotent."""
