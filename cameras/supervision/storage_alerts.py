"""Alerts of a storage root, which camera processes report as kinds of log entries."""

from __future__ import annotations

STORAGE_ALERTS = ("storage.unmounted", "storage.failed", "storage.last_floor")
"""Alerts that stay open until the root is opened again. A full disk is an alert of the station's health."""
RESOLVES = {"storage.room": "storage.last_floor"}
"""Kind of event -> the one of STORAGE_ALERTS that it resolves."""
ROOT_EVENTS = {*STORAGE_ALERTS, *RESOLVES}
"""Kinds of events that concern a whole storage root, not one camera."""
