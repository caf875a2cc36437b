"""Functions of higher apps that monitoring calls by their dotted path, since it does not import upward."""

from __future__ import annotations

HIDDEN_CAMERAS = {
    "cameras": "cameras.selectors.hidden_cameras",
}
"""User -> the cameras, including removed ones, whose events and alerts this user must not see."""

EVENT_RECORDED = {
    "webhooks": "monitoring.webhooks.queue.queue_deliveries",
}
"""Functions that are called with each new event, in its transaction."""

READING_LISTENERS: dict[str, str] = {}
"""Functions that get the new readings of a host's sensors, several times a second, in its sensors part. They must not
wait: the database may be away."""

RETENTION = {
    "events": "monitoring.retention.remove_events",
    "alerts": "monitoring.retention.remove_alerts",
    "idempotent_requests": "core.idempotency.retention.remove_requests",
    "jobs": "core.jobs.services.remove_jobs",
    "webhook_deliveries": "monitoring.webhooks.retention.remove_deliveries",
    "cleanup_plans": "captures.retention.stored_plans.remove_plans",
    "sessions": "skycam_project.access.retention.remove_sessions",
    "sign_ins": "skycam_project.access.retention.remove_sign_ins",
    "tokens": "skycam_project.access.retention.remove_tokens",
}
"""What is removed when it is old enough -> a function that removes a small batch in its own transaction and returns the
number of rows: 0 when none is left."""
