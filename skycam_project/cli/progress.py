"""The progress of a job on stderr: a bar on a terminal, else a line for each change; nothing with `--output json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from skycam_project.cli.output import print_line, strip_control_characters

if TYPE_CHECKING:
    from rich.console import Console

    from core.jobs.models import Job

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
