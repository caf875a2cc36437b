"""The periodic task of backups."""

from __future__ import annotations

from celery import shared_task

from skycam_project.backups.jobs import start_due_backup


@shared_task(name="backups.start_due", ignore_result=True)
def start_due() -> None:
    """Runs in the jobs part of the main machine, which the station's owner of periodic work sends it to."""
    start_due_backup()
