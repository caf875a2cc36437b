"""The page of jobs: what runs in the background, how far it is, and a button that cancels it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from core import database_clock
from core.api.paging import beyond, cursor_of
from core.api.queries import Cursor
from core.jobs.api import JobQuery
from core.jobs.models import Job
from core.jobs.services import NotCancellable, jobs_for, may_control, request_cancel, sees_details
from core.jobs.states import UNFINISHED, JobState
from core.jobs.tables import JOB_KINDS, label_of
from core.pages import Page, message_response

ROWS = 50
LARGE = ("arguments", "checkpoint", "result")
"""Columns that may have many kB in each row. Browsers read the list again every few seconds."""
STATES = {state.value: state.value for state in JobState}


@dataclass(frozen=True, slots=True)
class JobDisplay:
    """A job as `user` sees it."""

    job: Job
    user: Any
    reported: object
    """`problems` of its result."""

    @property
    def label(self) -> str:
        return label_of(self.job.kind)

    @property
    def may_cancel(self) -> bool:
        unfinished = JobState(self.job.state) in UNFINISHED
        return unfinished and self.job.cancel_requested_at is None and may_control(self.job, self.user)

    @property
    def error(self) -> str:
        return self.job.error if sees_details(self.job, self.user) else ""

    @property
    def problems(self) -> list[str]:
        """What a job that is done reports."""
        if not isinstance(self.reported, list) or not sees_details(self.job, self.user):
            return []
        return [str(one) for one in self.reported]

    @property
    def is_stale(self) -> bool:
        """Whether its worker no longer reports."""
        return self.job.lease_until is not None and self.job.lease_until < database_clock.estimate()

    @property
    def took_s(self) -> float | None:
        if self.job.started_at is None:
            return None
        return ((self.job.ended_at or timezone.now()) - self.job.started_at).total_seconds()


class JobsPage(Page):
    """Jobs, newest first. The filters are in the URL, also for the partial that refreshes the list."""

    template = "jobs/jobs.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(self._context(request))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        chosen = {name: request.GET.get(name, "") for name in ("kind", "state")}
        query = JobQuery.lenient(chosen if chosen["kind"] in JOB_KINDS else {"state": chosen["state"]})
        before = request.GET.get("before", "")
        jobs = jobs_for(request.user)
        found = jobs.filter(**query.conditions())
        shown = beyond(found, "created_at", cursor_of(before)).order_by("-created_at", "-id")
        # `result` may be large, so the database extracts the part that is shown. One row more than a page shows whether
        # there are older ones.
        rows = list(shown.defer(*LARGE).annotate(reported=F("result__problems"))[: ROWS + 1])
        older = Cursor(rows[ROWS - 1].created_at, rows[ROWS - 1].pk, newer=False).text() if len(rows) > ROWS else ""
        return {
            "jobs": [JobDisplay(job, request.user, job.reported) for job in rows[:ROWS]],
            "running": jobs.filter(state=JobState.RUNNING.value).count(),
            "waiting": jobs.filter(state=JobState.WAITING.value).count(),
            "chosen": chosen,
            "kinds": {name: kind.label for name, kind in JOB_KINDS.items()},
            "states": STATES,
            "query": urlencode({name: value for name, value in {**chosen, "before": before}.items() if value}),
            "older": urlencode({**chosen, "before": older}) if older else "",
        }


class JobsNow(JobsPage):
    """The parts of the page that change by themselves."""

    template = "jobs/_now.html"


class CancelJobPage(Page):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, job: UUID) -> HttpResponse:
        """Cancel the job and answer with a message."""
        found = jobs_for(request.user).filter(pk=job).first()
        if found is None:
            raise Http404
        try:
            cancelled = request_cancel(found, self.actor, user=request.user)
        except NotCancellable as error:
            return message_response(request, "warn", str(error))
        label = label_of(found.kind)
        ended = cancelled.state == JobState.CANCELLED.value
        sentence = f"Cancelled: {label}." if ended else f"{label} stops within some seconds."
        return message_response(request, "ok", sentence)
