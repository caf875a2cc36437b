"""Which jobs a user may see: none of hidden cameras; and what of them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from core.camera_refs import without_cameras
from core.jobs.answers import JobBody
from core.jobs.models import Job
from core.jobs.tables import JOB_HIDDEN_CAMERAS, role_of
from core.registry import resolve
from core.resources.answers import body_of


def jobs_for(user: Any) -> QuerySet[Job]:
    if not user.is_authenticated or not user.may("viewer"):
        return Job.objects.none()
    hidden = [camera for path in JOB_HIDDEN_CAMERAS.values() for camera in resolve(path)(user)]
    return without_cameras(Job.objects.all(), hidden)


def sees_details(job: Job, user: Any) -> bool:
    """Whether `user` may see arguments, error and result: those of a job without a camera may name any camera."""
    return bool(job.camera_uuid) or may_control(job, user)


def may_control(job: Job, user: Any) -> bool:
    return bool(user.may(role_of(job.kind)))


HIDDEN = {"error": "", "arguments": None, "result": None}


def job_body(job: Job, user: Any) -> dict[str, Any]:
    """As `user` may see it."""
    return body_of(JobBody, job) | ({} if sees_details(job, user) else HIDDEN)
