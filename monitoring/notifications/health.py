"""Finds channels that have failed for long; HEALTH lists it."""

from __future__ import annotations

from core import database_clock
from core.findings import Finding
from monitoring.models import NotificationChannel
from monitoring.notifications.outcomes import ALERT_AFTER, failing_alert


def channel_problems() -> list[Finding]:
    """Each has an alert of its own already, which the other channels get."""
    long_ago = database_clock.estimate() - ALERT_AFTER
    failing = NotificationChannel.objects.filter(enabled=True, failing_since__lte=long_ago)
    # Without names: everyone may read the findings.
    return [
        Finding("A notification channel fails. The page Notifications says why.", alert=failing_alert(channel))
        for channel in failing
    ]
