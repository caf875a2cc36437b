"""What monitoring needs from a higher app, plugged in by name and never imported upward."""

from __future__ import annotations

HIDDEN_CAMERAS = {
    "cameras": "cameras.selectors.hidden_cameras",
}
"""User -> the cameras, removed ones too, whose events and alerts this user must not see."""

RETENTION = {
    "events": "monitoring.retention.remove_events",
    "alerts": "monitoring.retention.remove_alerts",
    "sessions": "skycam_project.access.retention.remove_sessions",
    "sign_ins": "skycam_project.access.retention.remove_sign_ins",
    "tokens": "skycam_project.access.retention.remove_tokens",
}
"""What is removed once it was kept long enough -> a function that removes a small batch in a transaction of its own
and says how many rows went: 0 when none is left."""
