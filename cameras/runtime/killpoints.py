"""The named points of the spool protocol and of a clip's removal, at which a test may kill the process. Nothing happens
unless armed."""

from __future__ import annotations

import os
import signal

KILL_POINTS = (
    "after_plan",
    "after_part",
    "after_record",
    "after_place",
    "after_done",
    "after_commit",
    "after_unlink",
    "after_clip_marked",
    "after_clip_file",
    "after_clip_row",
)

_armed: dict[str, int] = {}


def arm(point: str, passes: int = 0) -> None:
    """Kill this process when `point` is reached for the time after `passes` times."""
    if point not in KILL_POINTS:
        raise ValueError(f"{point!r} is no kill point; there are: {', '.join(KILL_POINTS)}.")
    _armed[point] = passes


def reached(point: str) -> None:
    if point not in _armed:
        return
    if _armed[point] > 0:
        _armed[point] -= 1
        return
    os.kill(os.getpid(), signal.SIGKILL)
