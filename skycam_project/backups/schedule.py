"""When the station backs itself up, and whether it did: the outcome of a backup as an event and an alert."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from core.events.service import raise_alert, record_event, resolve_alert
from core.findings import Finding
from core.jobs.models import Job
from core.jobs.services import enqueue
from skycam_project.backups.service import BackupBody, last_made

log = logging.getLogger(__name__)
ALERT = "backup.failed:station"


def record_success(body: BackupBody, actor: str = "") -> None:
    """DatabaseError."""
    message = f"The station was backed up: {body['name']}, {body['bytes']} bytes, verified."
    record_event("backup.made", message, camera=None, actor=actor, data={"name": body["name"], "bytes": body["bytes"]})
    resolve_alert(ALERT)


def record_failure(reason: str, actor: str = "") -> None:
    """The database may be the reason: if it takes no row, only the log says so, and the reason still reaches the
    caller's user."""
    try:
        record_event("backup.failed", reason, camera=None, actor=actor, severity="error")
        raise_alert(ALERT, f"The backup has failed. {reason}", camera=None, severity="error")
    except DatabaseError as error:
        log.warning("The failed backup is no event and no alert, because the database takes none: %s", error)


KIND = "backup"
RETRY = timedelta(hours=1)
"""After a failure, such as a full disk or a destination that is away."""
LATE = 2.0
"""How many intervals without a backup are a problem."""


def start_due_backup() -> bool:
    """Whether a job was started now."""
    every = settings.STATION.backup.every
    if not every or not is_due(timezone.now(), timedelta(seconds=every)):
        return False
    _, is_new = enqueue(KIND, settings.STATION.host, camera=None)
    return is_new


def is_due(now: datetime, every: timedelta) -> bool:
    tried = Job.objects.filter(kind=KIND, host=settings.STATION.host).order_by("-created_at").first()
    if tried is not None and now - tried.created_at < RETRY:
        return False
    made = made_at()
    return made is None or now - made >= every


def made_at() -> datetime | None:
    found = last_made(settings.STATION)
    return datetime.fromisoformat(found["made"]) if found else None


def backup_problems() -> Iterator[Finding]:
    """For HEALTH: a schedule that is not kept. OSError."""
    every = settings.STATION.backup.every
    if not every:
        return
    made = made_at()
    begun = made or first_try()
    if begun is not None and timezone.now() - begun > LATE * timedelta(seconds=every):
        since = f"since {made:%Y-%m-%d %H:%M} UTC" if made else "yet"
        yield Finding(
            f"The station was not backed up {since}. `skycam jobs list` and the alert say why.",
            host=settings.STATION.host, alert=ALERT,
        )  # fmt: skip


def first_try() -> datetime | None:
    job = Job.objects.filter(kind=KIND, host=settings.STATION.host).order_by("created_at").first()
    return job.created_at if job else None
