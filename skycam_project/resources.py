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
    "alerts": "monitoring.resource.ALERTS",
    "alert_rules": "monitoring.alert_rules.resource.RULES",
    "field_lists": "scheduler.telescope.field_lists.resource.FIELD_LISTS",
    "schedules": "scheduler.schedules.resource.SCHEDULES",
    "sensors": "monitoring.sensor_management.resource.SENSORS",
    "webhooks": "monitoring.webhooks.resource.WEBHOOKS",
    "offsite_destinations": "captures.storage.offsite.resource.DESTINATIONS",
    "offsite_copies": "captures.storage.offsite.resource.COPIES",
    "experiments": "captures.experiments.resource.EXPERIMENTS",
    "host_invitations": "skycam_project.hosts.resource.INVITATIONS",
    "tokens": "skycam_project.access.resource.TOKENS",
    "users": "skycam_project.access.resource.USERS",
}
"""Name -> the path of its description."""

WITH_PAGES = {"silences": "Alerts"}
"""Those whose pages are derived, at the path of their API, and the group of the menu that leads to their list."""

WITH_COMMANDS = {"silences": "List, add and end silences of alerts."}
"""Those whose group of commands is derived -> its help. It is called as the resource."""

IN_FILE = ("notification_channels", "notification_routes")
"""Those of which the configuration file has a list, in the order in which they are stored."""
