"""How a backup ended, as an event and an alert."""

from __future__ import annotations

import logging

from django.db import DatabaseError

from core.events.service import raise_alert, record_event, resolve_alert
from skycam_project.backups.service import BackupBody

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
