"""How a backup ended, as an event and an alert."""

from __future__ import annotations

from monitoring.services import raise_alert, record_event, resolve_alert
from skycam_project.backups.service import BackupBody

ALERT = "backup.failed:station"


def record_success(body: BackupBody, actor: str = "") -> None:
    """DatabaseError."""
    message = f"The station was backed up: {body['name']}, {body['bytes']} bytes, verified."
    record_event("backup.made", message, camera=None, actor=actor, data={"name": body["name"], "bytes": body["bytes"]})
    resolve_alert(ALERT)


def record_failure(reason: str, actor: str = "") -> None:
    """DatabaseError."""
    record_event("backup.failed", reason, camera=None, actor=actor, severity="error")
    raise_alert(ALERT, f"The station is not backed up. {reason}", camera=None, severity="error")
