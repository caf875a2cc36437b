"""When a clip begins and ends: the states of a recorder and all moves between them, and the rules that find their
causes, without threads and files. `clip_writer` ends the clips."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

from cameras.drivers.packets import CodedStream, PacketData
from cameras.runtime.spec import Recording
from captures.recordings.recorder.clip_root import DiskGuard
from captures.recordings.recorder.failures import Failure, RetryTimer
from captures.recordings.recorder.tracks import ClipTimes, FrameOrPacket, can_begin_clip

log = logging.getLogger(__name__)


class State(Enum):
    """No clip is open, except in RECORDING. How it is published: `RecorderStatus.snapshot`."""

    IDLE = "No recording is desired, and no frame of an earlier one is queued."
    WAITING = "The next frame that a clip can begin with begins one."
    RECORDING = "A clip is open."
    SUSPENDED = "The disk is below its floor. No clip begins until a tenth more than the floor is free."
    FAILING = "The root is closed, or a clip failed. No clip begins before the retry delay is over."


class Cause(Enum):
    REQUESTED = "another recording is requested"
    OPENED = "a clip was opened for the frame"
    RETRY_PENDING = "a frame came; the root is closed, or the retry delay is not over"
    UNPLAYABLE = "a packet came that no clip can begin with: it is no key frame, or cannot be decoded"
    BELOW_FLOOR = "a frame came, or CHECK_S is over; the disk is below its floor"
    DUE = "a frame came that can begin the next clip; by length, settings or command the open one is due to end"
    OTHER_FORMAT = "a frame came of another size, or a packet of another stream or with other parameter sets"
    GAP = "a frame came too long after the newest one, or is older"
    SILENCE = "no frame is queued; the camera has sent none for too long, or its stream ended"
    FAILURE = "the disk, the root or the encoder failed"
    STOPPED = "recording was stopped, and its queue is read to the end"
    RESTARTED = "recording was started again before the queue of the stopped one was read"


class Ending(Enum):
    """How the open clip ends, if there is one. It is finalized either way."""

    REGULAR = "The frame at hand, if it follows without a gap, begins the next clip, which begins where this one ends."
    INTERRUPTED = "The clip is marked as cut off, the failure is reported, and the retry delay starts."


class Move(NamedTuple):
    before: tuple[State, ...]
    cause: Cause
    ending: Ending | None
    after: State


IDLE, WAITING, RECORDING, SUSPENDED, FAILING = State
ANY = tuple(State)
WITHOUT_CLIP = (WAITING, SUSPENDED, FAILING)

TABLE = (
    # A new request tries at once: it ends the retry delay, and the floor itself is enough again.
    Move((IDLE, *WITHOUT_CLIP), Cause.REQUESTED, None, WAITING),
    Move((RECORDING,), Cause.REQUESTED, None, RECORDING),
    # A frame while no clip is open. It is lost, unless it opens a clip.
    Move(WITHOUT_CLIP, Cause.OPENED, None, RECORDING),
    Move((WAITING, FAILING), Cause.RETRY_PENDING, None, FAILING),
    Move((WAITING, FAILING), Cause.UNPLAYABLE, None, WAITING),
    Move((SUSPENDED,), Cause.RETRY_PENDING, None, SUSPENDED),
    Move((SUSPENDED,), Cause.UNPLAYABLE, None, SUSPENDED),
    Move(WITHOUT_CLIP, Cause.BELOW_FLOOR, None, SUSPENDED),
    # What ends a clip. A frame at hand is then treated as one without an open clip.
    Move((RECORDING,), Cause.DUE, Ending.REGULAR, WAITING),
    Move((RECORDING,), Cause.OTHER_FORMAT, Ending.REGULAR, WAITING),
    Move((RECORDING,), Cause.GAP, Ending.REGULAR, WAITING),
    Move((RECORDING,), Cause.SILENCE, Ending.REGULAR, WAITING),
    Move((RECORDING,), Cause.BELOW_FLOOR, Ending.INTERRUPTED, SUSPENDED),
    Move((RECORDING, *WITHOUT_CLIP), Cause.FAILURE, Ending.INTERRUPTED, FAILING),
    # While idle the last clip may still fail to be finalized: it is reported, but no recording fails.
    Move((IDLE,), Cause.FAILURE, Ending.INTERRUPTED, IDLE),
    Move(ANY, Cause.STOPPED, Ending.REGULAR, IDLE),
    Move((IDLE,), Cause.RESTARTED, None, WAITING),
)
MOVES = {(before, move.cause): move for move in TABLE for before in move.before}


# The cleanup changes `rolling_floor_bytes` whenever a root runs out of clips to delete: that alone must not begin a
# clip.
FLOORS = {"floor_bytes": 0, "rolling_floor_bytes": 0}
"""The settings of a recording that may change within a clip."""


class ClipView(Protocol):
    """What the rules need to know about the open clip."""

    @property
    def id(self) -> str: ...
    @property
    def desired(self) -> Recording: ...
    @property
    def times(self) -> ClipTimes: ...
    @property
    def source(self) -> CodedStream | None: ...
    def accepts(self, frame: FrameOrPacket) -> bool: ...


class ClipPolicy:
    """Has the state of the recorder. Used by the recorder's thread alone."""

    def __init__(self, retry: RetryTimer, disk: DiskGuard, copying: CopyingPolicy) -> None:
        self._retry, self._disk, self._copying = retry, disk, copying
        self.state = State.IDLE

    def move(self, cause: Cause) -> Ending | None:
        """Move to the next state. Returns how the open clip ends; None if it does not."""
        move = MOVES[self.state, cause]
        self.state = move.after
        if cause is Cause.REQUESTED:
            self._retry.end()
            self._disk.reset()
        elif cause is Cause.STOPPED:
            self._disk.reset()
            self._copying.reset()
        return move.ending

    def cause_to_wait(self, frame: FrameOrPacket, desired: Recording, *, root_is_open: bool) -> Cause | None:
        """What prevents a clip from beginning with this frame. OSError of the disk."""
        if not root_is_open or not self._retry.is_due:
            return Cause.RETRY_PENDING
        if not self._copying.can_begin_clip(frame):
            return Cause.UNPLAYABLE
        # The disk is asked last: only for a frame that would otherwise begin a clip.
        return Cause.BELOW_FLOOR if self._disk.check_now(desired) else None

    def cause_to_end(
        self, clip: ClipView, frame: FrameOrPacket, desired: Recording | None, rotated: str
    ) -> Cause | None:
        """What ends the open clip before this frame. `rotated` is the clip that a command ended. A clip that is due
        continues until a frame comes that the next one can begin with."""
        if not clip.accepts(frame):
            self._copying.count_change(frame, clip.source)
            return Cause.OTHER_FORMAT
        if not clip.times.precedes(frame):
            return Cause.GAP
        # `can_begin_clip` starts the timeout for a key frame, so it is called only for a clip that is due.
        if _is_due(clip, frame, desired, rotated) and self._copying.can_begin_clip(frame):
            return Cause.DUE
        return None

    def cause_to_end_now(
        self, clip: ClipView, desired: Recording | None, now: float, coded: CodedStream | None, *, frames_wait: bool
    ) -> Cause | None:
        """What ends the open clip without a frame. `coded` is the stream of the camera. Frames wait in the queue after
        a disk that hung, for example: then the camera was not silent. OSError of the disk."""
        # Compared by identity: each opening of a camera makes a new CodedStream, also of the same codec and parameter
        # sets.
        was_disconnected = clip.source is not None and clip.source is not coded
        if not frames_wait and (was_disconnected or now - clip.times.newest > clip.times.timeout_s):
            return Cause.SILENCE
        # After a stop the queued frames are still written, above the floor of their clip.
        return Cause.BELOW_FLOOR if self._disk.check_each_period(desired or clip.desired) else None

    def start_retry(self, failure: Failure, wrote_s: float) -> None:
        """A clip failed after `wrote_s` seconds."""
        self._retry.start(failure, wrote_s)

    def refuse_packets(self, frame: FrameOrPacket, why: str) -> None:
        """No clip can begin with the packets of this camera: they are decoded and encoded."""
        self._copying.refuse(frame, why)


def _is_due(clip: ClipView, frame: FrameOrPacket, desired: Recording | None, rotated: str) -> bool:
    """False once recording is stopped: queued frames go into the open clip."""
    if desired is None:
        return False
    return (
        rotated == clip.id
        or clip.times.age_s(frame) >= desired["clip_s"]
        or {**desired, **FLOORS} != {**clip.desired, **FLOORS}
    )


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
