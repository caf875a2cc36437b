"""The record of a clip, and the names of its files in the spool."""

from __future__ import annotations

from typing import Final

from cameras.spool.spool import ClipPlan, PartFile, Record

PART: Final = "clips"
"""The part of the camera's spool with its clips."""
KIND = "clip"
"""The kind of a clip's only file."""


def make_record(plan: ClipPlan, root: str, outcome: dict[str, object], size: int, sha256: str) -> Record:
    """`outcome`: ended, frames, lost_frames, interrupted, reason, message."""
    file = PartFile(
        kind=KIND, bytes=size, sha256=sha256, part=f"{plan['id']}.{KIND}.part", path=plan["path"],
        width=plan["width"], height=plan["height"],
    )  # fmt: skip
    kept = {name: plan[name] for name in ("kind", "started", "simulated", "codec", "copied", "requested_by")}
    return Record(
        kind="clip", id=plan["id"], camera=plan["camera"], slug=plan["slug"], root=root, files=[file],
        body={**kept, **outcome},
    )  # fmt: skip
