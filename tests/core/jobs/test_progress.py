"""What a job's function reports."""

from __future__ import annotations

from core.jobs.context import JobContext, ProgressMessage


def test_reports_within_a_second_are_dropped_but_not_the_last_one() -> None:
    sent: list[ProgressMessage] = []
    context = JobContext("1", {}, None, "ada", sent.append, clock=lambda: 0.0)
    context.progress(1, 3)
    context.progress(2, 3)
    context.progress(3, 3)
    assert [message["done"] for message in sent] == [1, 3]
