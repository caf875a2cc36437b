"""What the alert rules watch, and what is removed when it is old: functions by their dotted path, some of them of the
project, which monitoring does not import."""

from __future__ import annotations

SIGNALS: dict[str, tuple[str, float, str]] = {
    "frame_age": ("host", 1.0, "monitoring.alert_rules.host_signals.frame_ages"),
    "session_waits": ("host", 1.0, "monitoring.alert_rules.host_signals.waiting_sessions"),
    "frame_delivery": ("host", 2.0, "monitoring.alert_rules.host_signals.frame_deliveries"),
    "disk_free": ("host", 10.0, "monitoring.alert_rules.host_signals.free_space"),
    "clock_unsynchronised": ("host", 10.0, "monitoring.alert_rules.host_signals.unsynchronised_clock"),
    "clock_offset": ("host", 10.0, "monitoring.alert_rules.host_signals.clock_offset"),
    "part_restarts": ("host", 5.0, "skycam_project.launch.health.restarts"),
    "metric": ("station", 15.0, "monitoring.alert_rules.signals.metric_signals"),
    "host_silent": ("station", 1.0, "monitoring.alert_rules.host_signals.silent_hosts"),
    "backlog": ("station", 10.0, "skycam_project.metrics.backlogs"),
    "aggregation_lag": ("station", 15.0, "monitoring.alert_rules.signals.aggregation_lag"),
}
"""Signal -> whether each host reads its own or one machine those of the station, the seconds between two readings, and
the function: host -> its signals now (`monitoring/alert_rules/rule.py`)."""

RETENTION = {
    "events": "monitoring.retention.remove_events",
    "alerts": "monitoring.retention.remove_alerts",
    "idempotent_requests": "core.idempotency.claims.remove_requests",
    "jobs": "core.jobs.services.remove_jobs",
    "maintenance_windows": "monitoring.maintenance.services.remove_windows",
    "notifications": "monitoring.notifications.deliveries.remove_notifications",
    "webhook_deliveries": "monitoring.webhooks.thread.remove_deliveries",
    "readings": "monitoring.readings.aggregation.remove_readings",
    "reading_minutes": "monitoring.readings.aggregation.remove_minutes",
    "sensors": "monitoring.sensor_management.services.remove_readings",
    "cleanup_plans": "captures.storage.retention.manager.remove_plans",
    "sessions": "skycam_project.access.services.remove_sessions",
    "sign_ins": "skycam_project.access.services.remove_sign_ins",
    "tokens": "skycam_project.access.services.remove_tokens",
}
"""What is removed when it is old enough -> a function that removes a small batch in its own transaction and returns the
number of rows: 0 when none is left."""
