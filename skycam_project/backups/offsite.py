"""Copies a backup to an off-site destination, and removes those that are not kept any more there."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from captures.offsite.destinations.port import DestinationError, FileUnreadable, Source, Upload
from captures.offsite.limits import NoPace
from captures.offsite.models import Destination
from captures.offsite.senders import opened
from core.times.timestamps import stamp
from skycam_project.backups.content import BackupFailed
from skycam_project.backups.service import BackupBody, OffsiteCopyBody, body_file, list_backups, write_body
from skycam_project.config import SkycamConfig

PREFIX = "backups/"


def copy_offsite(config: SkycamConfig, folder: Path, body: BackupBody) -> None:
    """Verified there; then those beyond the kept ones go. BackupFailed, with the local backup as it was."""
    name = config.backup.offsite
    destination = Destination.objects.filter(name=name).first()
    if destination is None:
        raise BackupFailed(
            f"The backup is here, but not off-site: there is no destination {name!r}. `skycam offsite destinations` "
            "lists them; set backup.offsite to one."
        )
    key = f"{PREFIX}{body['name']}"
    try:
        with opened(destination, NoPace()) as sender:
            file = os.open(folder / body["name"], os.O_RDONLY | os.O_CLOEXEC)
            try:
                sender.put_file(Source(file, body["bytes"], body["sha256"]), key, Upload())
            finally:
                os.close(file)
            copy = OffsiteCopyBody(destination=name, key=key, verified=stamp(datetime.now(UTC)), error="")
            write_body(folder, {**body, "offsite": copy})
            for old in list_backups(folder)[config.backup.keep :]:
                # Of another destination, it stays there: its name says which.
                if (there := old.get("offsite")) and there["destination"] == name:
                    sender.remove(there["key"])
                    body_file(folder, old["name"]).unlink(missing_ok=True)
    except (DestinationError, FileUnreadable) as error:
        failed = OffsiteCopyBody(destination=name, key=key, verified=None, error=str(error))
        if body_file(folder, body["name"]).exists() and not _is_verified(folder, body["name"]):
            write_body(folder, {**body, "offsite": failed})
        raise BackupFailed(f"The backup is here, but the copy at {name} failed: {error}") from None


def _is_verified(folder: Path, name: str) -> bool:
    return any(
        one["name"] == name and bool((copy := one.get("offsite")) and copy["verified"]) for one in list_backups(folder)
    )
