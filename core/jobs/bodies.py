"""Jobs as JSON, for API and command line."""

from __future__ import annotations

from typing import Any

from core.jobs.answers import JobBody
from core.jobs.models import Job
from core.jobs.selectors import sees_details
from core.resources.answers import body_of

HIDDEN = {"error": "", "arguments": None, "result": None}


def job_body(job: Job, user: Any) -> dict[str, Any]:
    """As `user` may see it."""
    return body_of(JobBody, job) | ({} if sees_details(job, user) else HIDDEN)
