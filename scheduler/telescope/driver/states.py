"""The states that the controllers report, in the order of the C code's enumeration."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, TypeAlias


class ControllerState(IntEnum):
    """The place of a state in `CameraStatus.state_val`. Its name is the key in a status reply."""

    NOSTATUS = 0
    UNKNOWN = 1
    IDLE = 2
    EXPOSING = 3
    READOUT_PENDING = 4
    READING = 5
    FETCHING = 6
    FLUSHING = 7
    ERASING = 8
    PURGING = 9
    AUTOCLEAR = 10
    AUTOFLUSH = 11
    POWERON = 12
    POWEROFF = 13
    POWERBAD = 14
    FETCH_PENDING = 15
    ERROR = 16
    ACTIVE = 17
    ERRORED = 18


NUM_STATES = len(ControllerState)
ALL_POSITIVE_VAL = 15
"""The value of a state that all of four controllers have."""
ALL_NEGATIVE_VAL = 0
"""The value of a state that no controller has."""

CameraState: TypeAlias = Literal[
    "initializing", "initialized", "starting", "started", "stopping", "stopped", "exposing", "done exposing"
]
"""`state` of a status reply: what the camera as a whole does."""
