"""Functions of higher apps that monitoring calls by their dotted path, since it does not import upward."""

from __future__ import annotations

HIDDEN_CAMERAS = {
    "cameras": "cameras.selectors.hidden_cameras",
}
"""User -> the cameras, including removed ones, whose events and alerts this user must not see."""

HOST_NAMES = {
    "cameras": "cameras.discovery.service.host_names",
}
"""Functions that return the names of hosts that the station has."""

EVENT_RECORDED = {
    "notices": "monitoring.notices.publish_event",
    "webhooks": "monitoring.webhooks.deliveries.queue_deliveries",
    "alert_rules": "monitoring.alert_rules.event_rules.open_event_alerts",
    "silences": "monitoring.notifications.silences.end_silences_of",
    "notifications": "monitoring.notifications.queue.queue_notifications",
}
"""Functions that are called with each new event, in its transaction."""

SIGNALS: dict[str, tuple[str, float, str]] = {
    "frame_age": ("host", 1.0, "cameras.status.signals.frame_ages"),
    "session_waits": ("host", 1.0, "cameras.status.signals.waiting_sessions"),
    "frame_delivery": ("host", 2.0, "cameras.status.signals.frame_deliveries"),
    "disk_free": ("host", 10.0, "captures.storage.signals.free_space"),
    "clock_unsynchronised": ("host", 10.0, "cameras.status.signals.unsynchronised_clock"),
    "clock_offset": ("host", 10.0, "cameras.status.signals.clock_offset"),
    "part_restarts": ("host", 5.0, "skycam_project.launch.signals.restarts"),
    "metric": ("station", 15.0, "monitoring.alert_rules.metric_signals.metric_signals"),
    "host_silent": ("station", 1.0, "cameras.status.signals.silent_hosts"),
    "backlog": ("station", 10.0, "skycam_project.queue_signals.backlogs"),
    "aggregation_lag": ("station", 15.0, "monitoring.alert_rules.aggregation_signals.aggregation_lag"),
}
"""Signal -> whether each host reads its own or one machine those of the station, the seconds between two readings, and
the function: host -> its signals now (`monitoring/alert_rules/rule.py`)."""

ALERT_PICTURES = {
    "captures": "captures.files.newest_thumbnail.newest_thumbnail",
}
"""The id of a camera, empty for the primary one -> the JPEG that notifications attach, or None."""

REPORT_FILES = {
    "nights": "scheduler.reports.nightly.stored_report",
}
"""A night -> its report as HTML, which notifications attach, or None."""

SUBJECTS = {
    "frame_age": "cameras.status.signals.watched_cameras",
    "frame_delivery": "cameras.status.signals.watched_cameras",
}
"""Signal of the alert rules -> function: user -> its subjects now, for those that the database knows. Sensors are
known without it."""

READING_LISTENERS = {
    "notices": "monitoring.notices.publish_readings",
}
"""Functions that get the new readings of a host's sensors, several times a second, in its sensors part. They must not
wait: the database may be away."""

RETENTION = {
    "events": "monitoring.retention.remove_events",
    "alerts": "monitoring.retention.remove_alerts",
    "idempotent_requests": "core.idempotency.retention.remove_requests",
    "jobs": "core.jobs.services.remove_jobs",
    "maintenance_windows": "monitoring.alert_rules.retention.remove_windows",
    "notifications": "monitoring.notifications.deliveries.remove_notifications",
    "webhook_deliveries": "monitoring.webhooks.backlog.remove_deliveries",
    "readings": "monitoring.readings.retention.remove_readings",
    "reading_minutes": "monitoring.readings.retention.remove_minutes",
    "sensors": "monitoring.sensor_management.removal.remove_readings",
    "cleanup_plans": "captures.retention.stored_plans.remove_plans",
    "sessions": "skycam_project.access.retention.remove_sessions",
    "sign_ins": "skycam_project.access.retention.remove_sign_ins",
    "tokens": "skycam_project.access.retention.remove_tokens",
}
"""What is removed when it is old enough -> a function that removes a small batch in its own transaction and returns the
number of rows: 0 when none is left."""
