"""When the station backs itself up, and whether it did: the outcome of a backup as an event and an alert. The job
`backup`, which the schedule and the API start: it makes a backup, copies it to an off-site destination, and removes
those that are not kept any more there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from captures.storage.offsite.destinations.port import DestinationError, FileUnreadable, Sender, Source, Upload
from captures.storage.offsite.models import Destination
from captures.storage.offsite.senders import NoPace, opened
from core.events.service import raise_alert, record_event, resolve_alert
from core.findings import Finding
from core.jobs.context import JobContext, JobError
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.times.timestamps import stamp
from skycam_project.backups.archive import BackupFailed
from skycam_project.backups.service import (
    BackupBody,
    OffsiteCopyBody,
    backup_folder,
    body_file,
    last_made,
    list_backups,
    make_backup,
    write_body,
)
from skycam_project.config import SkycamConfig

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


def back_up(context: JobContext) -> dict[str, Any]:
    """No arguments. A kill leaves the older backups as they were; the next attempt begins again."""
    config = settings.STATION
    try:
        if not config.backup.passphrase:
            raise BackupFailed("There is no passphrase. Set backup.passphrase: SKYCAM_BACKUP__PASSPHRASE.")
        body = make_backup(
            config, config.backup.passphrase, media=config.backup.media,
            step=lambda text: context.progress(0, None, text, always=True),
        )  # fmt: skip
        if config.backup.offsite:
            context.progress(0, None, "copying it off-site", always=True)
            copy_offsite(config, body)
    except BackupFailed as error:
        record_failure(str(error), context.actor)
        raise JobError(str(error), permanent=True) from None
    record_success(body, context.actor)
    return {"name": body["name"], "bytes": body["bytes"]}


PREFIX = "backups/"


def copy_offsite(config: SkycamConfig, body: BackupBody) -> None:
    """Verified there; then those beyond the kept ones go. BackupFailed, with the local backup as it was."""
    name, folder = config.backup.offsite, backup_folder(config)
    destination = Destination.objects.filter(name=name).first()
    if destination is None:
        raise BackupFailed(
            f"The backup is here, but not off-site: there is no destination {name!r}. `skycam offsite destinations` "
            "lists them; set backup.offsite to one."
        )
    copy = OffsiteCopyBody(destination=name, key=f"{PREFIX}{body['name']}", verified=None, error="")
    try:
        with opened(destination, NoPace()) as sender:
            send(sender, folder / body["name"], body, copy["key"])
            copy["verified"] = stamp(datetime.now(UTC))
            write_body(folder, {**body, "offsite": copy})
            remove_old_copies(sender, config)
    except (DestinationError, FileUnreadable) as error:
        if copy["verified"]:
            raise BackupFailed(
                f"The backup is here and at {name}, but an older one could not be removed there: {error}"
            ) from None
        with suppress(OSError):  # of a full disk, say: the first reason is the one to mend
            write_body(folder, {**body, "offsite": {**copy, "error": str(error)}})
        raise BackupFailed(f"The backup is here, but the copy at {name} failed: {error}") from None
    except OSError as error:
        raise BackupFailed(
            f"The backup could not be copied to {name}: {error.filename or folder}: {error.strerror}."
        ) from None


def send(sender: Sender, backup: Path, body: BackupBody, key: str) -> None:
    """DestinationError; FileUnreadable; OSError."""
    file = os.open(backup, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sender.put_file(Source(file, body["bytes"], body["sha256"]), key, Upload())
    finally:
        os.close(file)


def remove_old_copies(sender: Sender, config: SkycamConfig) -> None:
    """Those that are not kept here any more. Of another destination, one stays there: its name says which.
    DestinationError; OSError."""
    for old in list_backups(config)[config.backup.keep :]:
        if (there := old.get("offsite")) and there["destination"] == config.backup.offsite:
            sender.remove(there["key"])
            body_file(backup_folder(config), old["name"]).unlink(missing_ok=True)
