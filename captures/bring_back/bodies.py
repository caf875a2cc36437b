"""What would come back, and the jobs that bring it, as JSON."""

from __future__ import annotations

from typing import Any, TypedDict

from captures.bring_back.planning import BringBackPlan, RootPlan
from core.jobs.bodies import JobBody, job_body
from core.jobs.models import Job


class ReturningRootBody(TypedDict):
    """`free_bytes` is null while it is unknown. `problem` is empty when the files fit. `lost`: files without a verified
    copy, which stay away."""

    host: str
    path: str
    files: int
    bytes: int
    lost: int
    free_bytes: int | None
    problem: str


class BringBackBody(TypedDict):
    """`jobs`: one on each host; none when all files are here, or with `dry_run`."""

    files: int
    bytes: int
    lost: int
    roots: list[ReturningRootBody]
    jobs: list[JobBody]


def bring_back_body(plan: BringBackPlan, jobs: list[Job], user: Any) -> BringBackBody:
    return BringBackBody(
        files=plan.files, bytes=plan.bytes, lost=plan.lost, roots=[_root_body(one) for one in plan.roots],
        jobs=[job_body(job, user) for job in jobs],
    )  # fmt: skip


def _root_body(one: RootPlan) -> ReturningRootBody:
    return ReturningRootBody(
        host=one.root.host, path=one.root.path, files=one.files, bytes=one.bytes, lost=one.lost,
        free_bytes=one.free_bytes, problem=one.problem,
    )  # fmt: skip
