"""Celery's queues: `jobs` of the station, and those of each host, which its Celery worker takes. Django-free.

Below a prefix of their own: the list of commands that needs no Celery (docs/decisions/commands.md) is `camera.<host>`
too.
"""

from __future__ import annotations

STATION_QUEUE = "jobs"
"""Periodic tasks of the whole station."""


def camera_queue(host: str) -> str:
    """Commands of other programs. Who takes it has the cameras of the host."""
    return f"camera.{host}"


def jobs_queue(host: str) -> str:
    """Messages that wake the workers of jobs. Who takes it does the jobs of the host."""
    return f"jobs.{host}"


def files_queue(host: str) -> str:
    """Thumbnails and other work on the files of the host."""
    return f"files.{host}"


def host_queues(host: str) -> list[str]:
    return [camera_queue(host), files_queue(host), jobs_queue(host)]


def key_prefix(station: str) -> str:
    """What stands before the name of a queue in the broker."""
    return f"{station}:celery:"
