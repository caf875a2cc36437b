"""Jobs as JSON, for API and command line."""

from __future__ import annotations

from typing import Any, TypedDict

from core.jobs.models import Job
from core.jobs.selectors import sees_details
from core.times.timestamps import stamp


class JobBody(TypedDict):
    """`total` is null while it is unknown. `arguments` and `result` are null, and `error` is empty, for users who may
    not see them."""

    id: str
    kind: str
    subject: str
    camera: str
    host: str
    state: str
    done: int
    total: int | None
    message: str
    attempts: int
    error: str
    arguments: dict[str, Any] | None
    result: dict[str, Any] | None
    requested_by: str
    cancel_requested: bool
    created: str
    started: str | None
    ended: str | None


def job_body(job: Job, user: Any) -> JobBody:
    """As `user` may see it."""
    detailed = sees_details(job, user)
    return JobBody(
        id=str(job.id),
        kind=job.kind,
        subject=job.subject,
        camera=job.camera,
        host=job.host,
        state=job.state,
        done=job.done,
        total=job.total,
        message=job.sentence,
        attempts=job.attempts,
        error=job.error if detailed else "",
        arguments=job.arguments if detailed else None,
        result=job.result if detailed else None,
        requested_by=job.requested_by,
        cancel_requested=job.cancel_requested_at is not None,
        created=stamp(job.created_at),
        started=stamp(job.started_at) if job.started_at else None,
        ended=stamp(job.ended_at) if job.ended_at else None,
    )
