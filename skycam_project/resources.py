"""RESOURCES: the descriptions of all resources, from which routes of the API are derived. A further resource is a line
here."""

from __future__ import annotations

RESOURCES = {
    "cameras": "cameras.resource.CAMERAS",
    "maintenance_windows": "monitoring.maintenance.resource.WINDOWS",
    "notification_channels": "monitoring.notifications.resource.CHANNELS",
    "notification_routes": "monitoring.notifications.resource.ROUTES",
    "notifications": "monitoring.notifications.resource.NOTIFICATIONS",
    "silences": "monitoring.notifications.resource.SILENCES",
    "alert_rules": "monitoring.alert_rules.resource.RULES",
    "webhooks": "monitoring.webhooks.resource.WEBHOOKS",
    "experiments": "captures.experiments.resource.EXPERIMENTS",
}
"""Name -> the path of its description."""
