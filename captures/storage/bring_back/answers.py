"""The answers about files that come back. Django-free."""

from __future__ import annotations

from core.jobs.answers import JobBody
from core.resources.fields import Fields


class ReturningRootBody(Fields):
    """`free_bytes` is null while it is unknown. `problem` is empty when the files fit. `lost`: files without a verified
    copy, which stay away."""

    host: str
    path: str
    files: int
    bytes: int
    lost: int
    free_bytes: int | None
    problem: str


class PlannedBody(Fields):
    files: int
    bytes: int
    lost: int
    roots: list[ReturningRootBody]


class BringBackBody(PlannedBody):
    """`jobs`: one on each host; none when all files are here, or with `dry_run`."""

    jobs: list[JobBody]
