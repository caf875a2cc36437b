"""Closes the alerts of rules that no host closes any more."""

from __future__ import annotations

from datetime import timedelta

from core import database_clock
from core.events.service import resolve_alert
from monitoring.alert_rules.rows import unresolved_rule_alerts
from monitoring.models import AlertRule

SILENT = timedelta(days=7)
"""A host that was not there for so long is taken as gone. It opens its alerts again if it returns."""


def close_orphaned_alerts() -> None:
    """Those of rules that were removed or switched off while their host was away, and those of hosts that are gone. A
    host that is there compares its alerts each minute, which sets `last_seen_at`."""
    # Read before the rules: an alert of a rule that is added meanwhile is not among them.
    found, now = unresolved_rule_alerts(), database_clock.estimate()
    rules = set(AlertRule.objects.filter(enabled=True).values_list("name", flat=True))
    for alert in found:
        if alert.data.get("rule") not in rules:
            resolve_alert(alert.key, "Its rule was changed or removed.")
        elif now - alert.last_seen_at >= SILENT:
            resolve_alert(alert.key, f"The host {alert.data.get('host')} has not reported for {SILENT.days} days.")
