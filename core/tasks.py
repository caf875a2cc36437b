"""Celery tasks that wake jobs workers, for whom rows say what to do, and that make partitions."""

from __future__ import annotations

from celery import shared_task

from core.jobs.services import wake_hosts_with_jobs
from core.jobs.worker import local_part
from core.partitions import create_partitions as create_missing_partitions


@shared_task(name="core.wake_jobs", ignore_result=True)
def wake_jobs() -> None:
    """Runs in the jobs part of one host."""
    local_part().wake()


@shared_task(name="core.wake_lost_jobs", ignore_result=True)
def wake_lost_jobs() -> None:
    """Wake each host that has something to do, also after its worker missed a message."""
    wake_hosts_with_jobs()


@shared_task(name="core.create_partitions", ignore_result=True)
def create_partitions() -> None:
    create_missing_partitions()
