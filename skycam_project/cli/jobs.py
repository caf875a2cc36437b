"""`skycam jobs`, and how other commands start a job and wait for it. Its progress is on stderr: a bar on a terminal,
else a line for each change; nothing with `--output json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from core.text.sentences import short_id
from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.ids import find_by_id
from skycam_project.cli.options import Command, Group, given
from skycam_project.cli.output import (
    format_time,
    make_table,
    print_fields,
    print_line,
    print_result,
    print_table,
    strip_control_characters,
)
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from rich.console import Console

    from core.camera_refs import Cameras
    from core.jobs.models import Job
    from skycam_project.cli.identity import Caller

Show = Callable[["Job"], None]


@contextmanager
def job_progress(output: str, console: Console | None = None) -> Iterator[Show]:
    """Yields what shows a job's state. `console` is stderr."""
    if output == "json":
        yield lambda _job: None
        return
    from rich.console import Console

    console = console or Console(stderr=True, markup=False, highlight=False)
    if not console.is_terminal:
        yield print_progress_line
        return
    with progress_bar(console) as show:
        yield show


@contextmanager
def progress_bar(console: Console) -> Iterator[Show]:
    """A bar that disappears at the end: the result follows it. It moves to and fro while the total is not known."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("Waiting", total=None)

        def show(job: Job) -> None:
            words = strip_control_characters(job.sentence) or job.state.capitalize()
            progress.update(bar, description=words, completed=job.done, total=job.total or None)

        yield show


def print_progress_line(job: Job) -> None:
    if job.state == "running" and job.sentence:
        share = f" ({job.done} of {job.total})" if job.total else ""
        print_line(f"{job.sentence}{share}", err=True)


STATES = ["waiting", "running", "done", "failed", "cancelled"]


@click.group(cls=Group)
def jobs() -> None:
    """List, show, cancel and wait for jobs (background work)."""


@jobs.command("list")
@shared_option("--kind", "Only this kind, such as verify.")
@shared_option("--state", "Only jobs in this state.", type=click.Choice(STATES))
@shared_option("--host", "Only jobs of this host.")
@shared_option("--limit", "Maximum number.")
def list_jobs(kind: str | None, state: str | None, host: str | None, limit: int) -> None:
    """List jobs, newest first.

    Example: skycam jobs list --state failed
    """
    caller = current().authorize("viewer")
    from core.jobs.services import job_body, jobs_for

    found = jobs_for(caller.user).filter(**given(kind=kind, state=state, host=host)).order_by("-created_at", "-id")
    print_result({"results": [job_body(job, caller.user) for job in found[:limit]]}, print_jobs)


@jobs.command("show")
@click.argument("job_id", metavar="ID")
def show(job_id: str) -> None:
    """Show the job ID, with its result. The first characters of an id are enough."""
    caller = current().authorize("viewer")
    print_result(body_of(find_job(caller, job_id), caller), print_job)


@jobs.command("cancel")
@click.argument("job_id", metavar="ID")
def cancel(job_id: str) -> None:
    """Cancel the job ID. A running job ends within some seconds; what it has done stays done."""
    caller = current().authorize("operator")
    from core.jobs.services import request_cancel

    cancelled = request_cancel(find_job(caller, job_id), caller.actor, user=caller.user)
    print_result(body_of(cancelled, caller), print_job)


@jobs.command("wait", cls=Command)
@click.argument("job_id", metavar="ID")
def wait(job_id: str) -> int:
    """Wait until the job ID has ended, and show it. Ctrl-C ends the command, not the job."""
    caller = current().authorize("viewer")
    job = wait_and_show(find_job(caller, job_id), run_here=False)
    print_result(body_of(job, caller), print_job)
    return 0 if job.state == "done" else FAILED


def find_job(caller: Caller, text: str) -> Job:
    from core.jobs.services import jobs_for

    return find_by_id(jobs_for(caller.user), text, "job")


def body_of(job: Job, caller: Caller) -> dict[str, Any]:
    from core.jobs.services import job_body

    return job_body(job, caller.user)


def run_job(
    caller: Caller, kind: str, host: str, *, camera: Cameras, subject: str = "",
    arguments: dict[str, Any] | None = None,
) -> Job:  # fmt: skip
    """Start a job, or join the one that already does the same, and wait for it with its progress on stderr. On a
    station that is stopped, this process runs it. Returns the job that is done; CliError if it failed or was cancelled.
    """
    from core.jobs.services import enqueue
    from core.restored_copy import copied_from, pause_sentence

    # This process would run the job itself, as no other part does.
    if (copied := copied_from(current().config.data)) is not None:
        raise CliError("not-ready", pause_sentence(copied))
    job, created = enqueue(kind, host, subject=subject, arguments=arguments, camera=camera, actor=caller.actor)
    if not created:
        print_line(f"The job {short_id(str(job.pk))} already does this; waiting for it.", err=True)
    job = wait_and_show(job, run_here=True)
    if job.state != "done":
        raise CliError("failed", job.error or f"The job was {job.state}.")
    return job


def wait_and_show(job: Job, *, run_here: bool) -> Job:
    from core.jobs.services import wait_for_job

    station = current()
    with job_progress(station.output) as show:
        return wait_for_job(job, show, explain_wait, run_here=run_here, patience_s=station.job_patience_s)


def explain_wait(job: Job) -> None:
    """Why no one has begun the job. A host runs one job of a lane at a time, and some take a day."""
    from core.jobs.claims import is_busy

    if is_busy(job):
        hint = "`skycam jobs list --state running` shows it."
        print_line(f"Another job runs on {job.host}; this one waits for it. {hint}", err=True)
    else:
        hint = "Start it there: `skycam up`, or `skycam up --only worker` on a camera host."
        print_line(f"The jobs part of {job.host} has not taken the job yet. {hint}", err=True)


def print_jobs(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No jobs.")
        return
    rows = [
        [
            short_id(one["id"]),
            one["kind"],
            one["camera"] or one["subject"],
            one["host"],
            one["state"],
            progress_of(one),
            format_time(one["created"]),
        ]
        for one in body["results"]
    ]
    print_table(make_table(["id", "kind", "subject", "host", "state", "progress", "created"], rows))


def progress_of(job: dict[str, Any]) -> str:
    share = f"{job['done']} of {job['total']}" if job["total"] else ""
    return str(job["message"] or share)


def print_job(body: dict[str, Any]) -> None:
    print_line(f"Job {body['id']}")
    print_fields(
        [
            ("kind", body["kind"]),
            ("subject", body["camera"] or body["subject"]),
            ("host", body["host"]),
            ("state", body["state"]),
            ("progress", progress_of(body)),
            ("attempts", body["attempts"]),
            ("error", body["error"]),
            ("requested by", body["requested_by"]),
            ("created", format_time(body["created"])),
            ("ended", format_time(body["ended"])),
        ]
    )
    for problem in (body["result"] or {}).get("problems", []):
        print_line(problem)
