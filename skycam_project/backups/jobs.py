"""The job `backup`, which the schedule and the API start: it makes a backup, copies it to an off-site destination,
and removes those that are not kept any more there."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from captures.storage.offsite.destinations.port import DestinationError, FileUnreadable, Sender, Source, Upload
from captures.storage.offsite.limits import NoPace
from captures.storage.offsite.models import Destination
from captures.storage.offsite.senders import opened
from core.jobs.context import JobContext, JobError
from core.times.timestamps import stamp
from skycam_project.backups.content import BackupFailed
from skycam_project.backups.schedule import record_failure, record_success
from skycam_project.backups.service import (
    BackupBody,
    OffsiteCopyBody,
    backup_folder,
    body_file,
    list_backups,
    make_backup,
    write_body,
)
from skycam_project.config import SkycamConfig


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
