"""Start, cancel and remove jobs, and wake the hosts that have some; and which jobs a user may see: none of hidden
cameras."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from core import database_clock
from core.broker.queues import jobs_queue
from core.camera_refs import Cameras, camera_columns, without_cameras
from core.deliveries.thread import send_wake_message
from core.jobs.answers import JobBody
from core.jobs.claims import change_state, is_busy, is_due, is_lost, recover_lost
from core.jobs.models import Job
from core.jobs.states import FINISHED, UNFINISHED, JobState
from core.jobs.tables import JOB_HIDDEN_CAMERAS, JOB_KINDS, role_of
from core.jobs.worker import JobsWorker
from core.registry import resolve
from core.resources.resource import body_of


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


TASK = "core.wake_jobs"


def wake_host(host: str) -> bool:
    """Make the host's workers search for jobs at once. Returns whether the message was sent."""
    return send_wake_message(TASK, jobs_queue(host))


def wake_hosts_with_jobs() -> list[str]:
    """Wake each host that has a job to run, or one whose lease has ended. Returns these hosts."""
    # Without the default order, for which the database would sort rows whose host alone is read.
    hosts = sorted(set(Job.objects.filter(is_due() | is_lost()).order_by().values_list("host", flat=True)))
    for host in hosts:
        # The broker is away: each further host would take another second to fail.
        if not wake_host(host):
            break
    return hosts


BATCH = 500
ENQUEUE_TRIES = 5
POLL_S = 0.25


class NotCancellable(Exception):
    """The job has ended already."""


def enqueue(
    kind: str,
    host: str,
    *,
    camera: Cameras,
    subject: str = "",
    arguments: dict[str, Any] | None = None,
    actor: str = "",
    request: str = "",
) -> tuple[Job, bool]:
    """The new job, and True; or the unfinished job of the same subject, where the kind has one for each, or of the same
    `request`, such as a form that was sent twice, and False. The host's worker is woken after the commit. `camera`: all
    cameras that the job reads or changes; None for a job of a whole disk or host. KeyError for an unknown kind;
    IntegrityError for a bad value."""
    unique = (subject or "host") if JOB_KINDS[kind].one_per_subject else request
    now = database_clock.estimate()  # jobs of several machines have one order
    job = Job(
        kind=kind,
        host=host,
        subject=subject,
        arguments=arguments or {},
        **camera_columns(camera),
        unique_key=unique,
        requested_by=actor,
        created_at=now,
        not_before=now,
    )
    unfinished = Job.objects.filter(kind=kind, host=host, unique_key=unique, state__in=_values(UNFINISHED))
    tries = 0
    while True:
        try:
            with transaction.atomic():
                # The database decides whether the subject has an unfinished job: of two processes that look first, both
                # may find none.
                job.save(force_insert=True)
        except IntegrityError:
            tries += 1
            if unique and (same := unfinished.first()):
                return same, False
            # A value that the database refuses is the same exception, and would come back for ever.
            if not unique or tries == ENQUEUE_TRIES:
                raise
            continue  # the other ended between the two statements
        # A worker that is woken before the commit finds nothing.
        transaction.on_commit(functools.partial(wake_host, host))
        return job, True


def request_cancel(job: Job, actor: str, *, user: Any) -> Job:
    """Cancel a waiting or lost job at once, and ask the worker of a running one to. `user` decides whether it may be
    cancelled; None is the station itself. NotCancellable; Job.DoesNotExist for one with a camera that the user may not
    see, and PermissionDenied for one whose kind needs another role."""
    if user is not None:
        _check_may_cancel(job, user)
    # A job may change its state between two of the statements, so that none of them fits; the next round finds it.
    while not _cancel_or_request(job, actor):
        job.refresh_from_db()
        if job.state in _values(FINISHED):
            raise NotCancellable(f"The job has ended already: it is {job.state}.")
    job.refresh_from_db()
    return job


def _check_may_cancel(job: Job, user: Any) -> None:
    # In this order: the job of a hidden camera does not exist, whatever role is needed.
    found = jobs_for(user).get(pk=job.pk)
    if not may_control(found, user):
        raise PermissionDenied(f"This needs the role {role_of(found.kind)}. Ask a manager.")


def _cancel_or_request(job: Job, actor: str) -> bool:
    """False when the job has ended, or changed its state between the statements."""
    now = database_clock.now()
    requested = {"cancel_requested_at": now, "cancel_requested_by": actor}
    rows = Job.objects.filter(pk=job.pk)
    # A lost job before a running one: the worker that would read the request is gone.
    return bool(
        change_state(rows, JobState.WAITING, JobState.CANCELLED, **requested)
        or change_state(rows.filter(is_lost()), JobState.RUNNING, JobState.CANCELLED, **requested)
        or rows.filter(state=JobState.RUNNING.value).update(**requested)
    )


def wait_for_job(
    job: Job, on_change: Callable[[Job], None], on_wait: Callable[[Job], None], *, run_here: bool, patience_s: float
) -> Job:  # fmt: skip
    """Wait until the job has ended, and report each state of the row; and, once, that no worker has begun it within
    `patience_s`. With `run_here`, a job of this host is then run by the caller's process while no jobs worker of the
    host takes it, such as on a station that is stopped."""
    began, last, explained = time.monotonic(), None, False
    while True:
        job.refresh_from_db()
        if (shown := (job.state, job.done, job.total, job.sentence, job.attempts)) != last:
            last = shown
            on_change(job)
        if job.state in _values(FINISHED):
            return job
        if time.monotonic() - began >= patience_s:
            if run_here and job.host == settings.STATION.host and _run_if_left(job):
                continue
            if not explained and not job.attempts:
                explained = True
                on_wait(job)
        time.sleep(POLL_S)


def _run_if_left(job: Job) -> bool:
    """Run a job of this host if no worker takes it, or the one that had it is lost. Returns whether it was tried."""
    # On a stopped station no worker does it, and a job that a killed worker left running would be waited for without
    # end.
    recover_lost(job.host)
    if not _is_left_here(job):
        return False
    JobsWorker(job.host).run_job(job)
    return True


def _is_left_here(job: Job) -> bool:
    """Whether no worker of its host has taken the job although it is due."""
    # A worker that runs another job of its lane takes this one afterwards.
    return Job.objects.filter(is_due(), pk=job.pk).exists() and not is_busy(job)


def remove_jobs() -> int:
    """Remove a batch of jobs that ended longer ago than `monitoring.events_kept_days`. Returns the number of rows."""
    days = settings.STATION.monitoring.events_kept_days
    if not days:
        return 0
    before = timezone.now() - timedelta(days=days)
    old = Job.objects.filter(state__in=_values(FINISHED), ended_at__lt=before).values_list("pk", flat=True)
    # Django cannot delete a query with a limit.
    return Job.objects.filter(pk__in=list(old[:BATCH])).delete()[0]


def _values(states: tuple[JobState, ...]) -> list[str]:
    return [state.value for state in states]
