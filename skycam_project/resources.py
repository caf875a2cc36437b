"""RESOURCES: the descriptions of all resources, from which routes of the API are derived. A further resource is a line
here."""

from __future__ import annotations

RESOURCES = {
    "maintenance_windows": "monitoring.maintenance.resource.WINDOWS",
    "notification_channels": "monitoring.notifications.resource.CHANNELS",
    "notification_routes": "monitoring.notifications.resource.ROUTES",
    "notifications": "monitoring.notifications.resource.NOTIFICATIONS",
    "silences": "monitoring.notifications.resource.SILENCES",
    "alert_rules": "monitoring.alert_rules.resource.RULES",
    "field_lists": "scheduler.field_lists.resource.FIELD_LISTS",
    "schedules": "scheduler.schedules.resource.SCHEDULES",
    "webhooks": "monitoring.webhooks.resource.WEBHOOKS",
}
"""Name -> the path of its description."""

IN_FILE = ("notification_channels", "notification_routes")
"""Those of which the configuration file has a list, in the order in which they are stored."""
