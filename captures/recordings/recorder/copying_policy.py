"""Whether the packets of a camera are copied, or decoded and encoded again."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from cameras.drivers.packets import CodedStream, PacketData
from captures.recordings.recorder.tracks import FrameOrPacket, can_begin_clip

log = logging.getLogger(__name__)
KEY_FRAME_TIMEOUT_S = 60.0
"""How long a clip that is due may wait for a key frame of a camera whose packets are copied."""
MAX_CHANGES, CHANGES_S = 4, 60.0
"""A camera whose parameter sets change more often is encoded: each change begins another clip."""


class CopyingPolicy:
    """Frames of `refuse_packets(stream)` are read instead of its packets, until the camera is reopened."""

    def __init__(self, refuse_packets: Callable[[CodedStream], None], timeout_s: float = KEY_FRAME_TIMEOUT_S) -> None:
        self._refuse_packets, self._timeout_s = refuse_packets, timeout_s
        self._keyless_since: float | None = None
        self._changes: deque[float] = deque(maxlen=MAX_CHANGES)

    def can_begin_clip(self, frame: FrameOrPacket) -> bool:
        """Whether a clip that is due can begin with this frame. Packets without a key frame are refused in time."""
        if can_begin_clip(frame):
            self._keyless_since = None
            return True
        self._keyless_since = self._keyless_since or frame.monotonic
        if frame.monotonic - self._keyless_since > self._timeout_s:
            self.refuse(frame, f"It has sent no key frame for {self._timeout_s:g} s.")
        return False

    def count_change(self, frame: FrameOrPacket, source: CodedStream | None) -> None:
        """A clip of the stream `source` does not accept the frame. Only changes within one stream are counted."""
        if isinstance(frame, PacketData) and frame.of is source:
            # A new connection is a new CodedStream and begins a clip anyway: only changes within one stream are the
            # camera's habit.
            self._changes.append(frame.monotonic)
            if len(self._changes) == MAX_CHANGES and frame.monotonic - self._changes[0] < CHANGES_S:
                self.refuse(frame, "Its parameter sets change too often.")

    def refuse(self, frame: FrameOrPacket, why: str) -> None:
        """No effect for a frame."""
        if isinstance(frame, PacketData):
            log.warning("The camera's packets are decoded and encoded again instead of copied. %s", why)
            self._keyless_since = None
            self._refuse_packets(frame.of)

    def reset(self) -> None:
        """Recording stopped: no clip waits for a key frame."""
        self._keyless_since = None
