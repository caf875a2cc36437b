"""Jobs that ended, as events; and the metrics of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from django.db.models import Count, F, Max, Window
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from core.events.service import record_event
from core.events.severity import Severity
from core.jobs.models import Job
from core.jobs.services import jobs_for
from core.jobs.states import JobState
from core.jobs.tables import JOB_KINDS, label_of
from core.text.sentences import sentence

STATES = [state.value for state in JobState]


def record_job_end(job: Job) -> None:
    """An event for a job that failed. Without a camera it does not say why: the error may name cameras that not
    everyone who reads events may see."""
    if job.state != JobState.FAILED.value:
        return
    cameras = job.camera_refs
    why = f": {job.error}" if cameras else f". `skycam jobs show {job.pk}` says why."
    place = cameras[0] if job.camera else job.host
    record_event(
        "job.failed",
        sentence("Job failed: {kind} ({place}){why}", kind=label_of(job.kind), place=place, why=why),
        severity=Severity.ERROR,
        camera=cameras,
        subject=job.pk,
        actor=job.requested_by,
        data={"kind": job.kind, "host": job.host, "attempts": job.attempts},
    )


def job_metrics(user: Any) -> Iterator[Metric]:
    """Jobs by kind and state, and how long the running and the newest finished one of each kind took."""
    if not user.may("viewer"):
        return
    jobs = jobs_for(user).order_by()
    numbers = GaugeMetricFamily("skycam_jobs", "Jobs in the database.", labels=["kind", "state"])
    counted = dict.fromkeys(product(JOB_KINDS, STATES), 0)
    counted |= {
        (kind, state): number for kind, state, number in jobs.values_list("kind", "state").annotate(number=Count("id"))
    }
    for labels, number in sorted(counted.items()):
        numbers.add_metric(labels, number)
    yield numbers
    seconds = GaugeMetricFamily(
        "skycam_job_seconds", "How long the newest job of the kind in this state has run.", labels=["kind", "state"]
    )
    # One query for all kinds and states, each of which has one newest job; of two that began together, either.
    newest = jobs.exclude(started_at=None).annotate(newest=Window(Max("started_at"), partition_by=["kind", "state"]))
    rows = newest.filter(started_at=F("newest")).values_list("kind", "state", "started_at", "ended_at")
    ran = {(kind, state): (ended or timezone.now()) - started for kind, state, started, ended in rows if started}
    for labels, duration in sorted(ran.items()):
        seconds.add_metric(labels, duration.total_seconds())
    yield seconds
