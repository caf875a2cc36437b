"""Failpoints: named places in the spool protocol, in the removal of a clip and in the adoption of pictures where a test
can kill the process. They do nothing unless a test arms one."""

from __future__ import annotations

import os
import signal

FAILPOINTS = (
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
    "after_copy",
    "after_copies_planned",
    "after_copies_placed",
    "after_copies_stored",
    "after_copies_done",
    "after_original_removed",
)

_armed: dict[str, int] = {}


def arm_failpoint(point: str, passes: int = 0) -> None:
    """Kill this process at `point`, after it was passed `passes` times. ValueError for an unknown point."""
    if point not in FAILPOINTS:
        raise ValueError(f"{point!r} is not a failpoint. The failpoints are: {', '.join(FAILPOINTS)}.")
    _armed[point] = passes


def hit_failpoint(point: str) -> None:
    if point not in _armed:
        return
    if _armed[point] > 0:
        _armed[point] -= 1
        return
    # SIGKILL: no `finally` and no exit handler runs, as in a real kill.
    os.kill(os.getpid(), signal.SIGKILL)
