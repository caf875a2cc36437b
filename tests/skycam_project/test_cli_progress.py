"""The progress of long work on the command line."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from core.jobs.models import Job
from skycam_project.cli.jobs import job_progress


def job(**fields: object) -> Job:
    return Job(kind="verify", host="main", state="running", **fields)


def terminal() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, force_terminal=True, width=100, markup=False), stream


def test_a_terminal_shows_a_bar() -> None:
    console, stream = terminal()
    with job_progress("rich", console) as show:
        show(job(sentence="3 files read", done=3, total=12))
    assert "3 files read" in stream.getvalue()
    assert "3/12" in stream.getvalue()
    assert "━" in stream.getvalue()


def test_work_of_unknown_length_has_a_bar_too() -> None:
    console, stream = terminal()
    with job_progress("rich", console) as show:
        show(job(sentence="[bold]reading", done=3, total=None))
    assert "[bold]reading" in stream.getvalue()


def test_a_file_or_a_pipe_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with job_progress("rich", Console(file=io.StringIO())) as show:
        show(job(sentence="3 files read", done=3, total=12))
    assert capsys.readouterr().err == "3 files read (3 of 12)\n"


def test_programs_get_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    console, stream = terminal()
    with job_progress("json", console) as show:
        show(job(sentence="3 files read", done=3, total=12))
    assert (stream.getvalue(), *capsys.readouterr()) == ("", "", "")
