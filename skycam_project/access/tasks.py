"""Hourly tasks for accounts."""

from __future__ import annotations

from celery import shared_task

from skycam_project.access.sign_in_limits import summarise_past_hours


@shared_task(name="access.count_denials", ignore_result=True)
def count_denials() -> None:
    summarise_past_hours()
