"""The job `backup`: what the schedule and the API start."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from core.jobs.context import JobContext, JobError
from skycam_project.backups.content import BackupFailed
from skycam_project.backups.offsite import copy_offsite
from skycam_project.backups.outcome import record_failure, record_success
from skycam_project.backups.service import make_backup


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
