"""Failpoints: named places in the spool protocol, in the removal of a clip and in the adoption of pictures where a test
can kill the process. They do nothing unless a test arms one."""

from __future__ import annotations

from core.failpoints import Failpoints

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

_failpoints = Failpoints(FAILPOINTS)


def arm_failpoint(point: str, passes: int = 0) -> None:
    """Kill this process at `point`, after it was passed `passes` times. ValueError for an unknown point."""
    _failpoints.arm(point, passes)


def hit_failpoint(point: str) -> None:
    _failpoints.hit(point)
