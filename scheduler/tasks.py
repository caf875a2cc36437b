"""Periodic tasks of nights."""

from __future__ import annotations

from celery import shared_task

from scheduler.runs.replanning import replan


@shared_task(name="scheduler.replan", ignore_result=True)
def replan_nights() -> None:
    """Plan the next nights again: time passes, and a host may have told another site."""
    replan()
