"""Functions of higher apps that the log of events calls by their dotted path, since it does not import upward."""

from __future__ import annotations

HIDDEN_CAMERAS = {
    "cameras": "cameras.selectors.hidden_cameras",
}
"""User -> the cameras, including removed ones, whose events and alerts this user must not see."""

EVENT_RECORDED = {
    "notices": "core.events.service.publish_event",
    "webhooks": "monitoring.webhooks.deliveries.queue_deliveries",
    "alert_rules": "monitoring.alert_rules.event_rules.open_event_alerts",
    "silences": "monitoring.notifications.silences.end_silences_of",
    "notifications": "monitoring.notifications.queue.queue_notifications",
}
"""Functions that are called with each new event, in its transaction."""

EVENT_OVER = {
    "alert_rules": "monitoring.alert_rules.event_rules.close_alerts_of",
}
"""Functions that are called with the kind and the subject of events whose cause is over, and why it is."""
