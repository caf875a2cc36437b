"""The states of a recorder and all moves between them. `clip_policy` finds the causes, `clip_writer` ends the clips."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


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
