"""What would come back, and the jobs that bring it, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from captures.bring_back.answers import PlannedBody
from captures.bring_back.planning import BringBackPlan
from core.jobs.models import Job
from core.jobs.selectors import job_body
from core.resources.answers import body_of


def bring_back_body(plan: BringBackPlan, jobs: Iterable[Job], user: Any) -> dict[str, Any]:
    return {**body_of(PlannedBody, plan), "jobs": [job_body(job, user) for job in jobs]}
