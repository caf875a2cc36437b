"""The record of a clip, and the names of its files in the spool."""

from __future__ import annotations

from typing import Final

from cameras.spool.records import ClipBody, ClipOutcome, ClipPlan, ClipRecord, PartFile

PART: Final = "clips"
"""The part of the camera's spool with its clips."""
KIND = "clip"
"""The kind of a clip's only file."""


def make_record(plan: ClipPlan, root: str, outcome: ClipOutcome, size: int, sha256: str) -> ClipRecord:
    """The record of a clip that has ended."""
    file = PartFile(
        kind=KIND, bytes=size, sha256=sha256, part=f"{plan['id']}.{KIND}.part", path=plan["path"],
        width=plan["width"], height=plan["height"],
    )  # fmt: skip
    body = ClipBody(
        kind=plan["kind"], started=plan["started"], simulated=plan["simulated"], codec=plan["codec"],
        copied=plan["copied"], requested_by=plan["requested_by"], origin=plan.get("origin", {}), **outcome,
    )  # fmt: skip
    return ClipRecord(
        kind="clip", id=plan["id"], camera=plan["camera"], slug=plan["slug"], root=root, files=[file], body=body
    )
