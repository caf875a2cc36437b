"""When a clip begins and ends: the rules of the recorder, without threads and files. The moves: `recorder_states`."""

from __future__ import annotations

from typing import Protocol

from cameras.drivers.packets import CodedStream
from cameras.runtime.spec import Recording
from captures.recordings.recorder.clip_times import ClipTimes
from captures.recordings.recorder.copying_policy import CopyingPolicy
from captures.recordings.recorder.disk_guard import DiskGuard
from captures.recordings.recorder.failures import Failure
from captures.recordings.recorder.recorder_states import MOVES, Cause, Ending, State
from captures.recordings.recorder.retry import RetryTimer
from captures.recordings.recorder.tracks import FrameOrPacket

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
