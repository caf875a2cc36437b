"""Periodic tasks of nights."""

from __future__ import annotations

from celery import shared_task

from scheduler.reports.nightly import report_nights
from scheduler.runs.replanning import replan


@shared_task(name="scheduler.replan", ignore_result=True)
def replan_nights() -> None:
    """Plan the next nights again: time passes, and a host may have told another site."""
    replan()


@shared_task(name="scheduler.report_nights", ignore_result=True)
def report_ended_nights() -> None:
    """Write the reports of nights that are over, and again those whose ledger has changed."""
    report_nights()
