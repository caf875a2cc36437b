"""Removes old maintenance windows. RETENTION lists the function."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from monitoring.models import MaintenanceWindow

BATCH = 500


def remove_windows() -> int:
    """Remove a batch of windows that ended longer ago than events are kept. Returns the number of rows."""
    days = settings.STATION.monitoring.events_kept_days
    if not days:
        return 0
    old = MaintenanceWindow.objects.filter(ends_at__lt=timezone.now() - timedelta(days=days)).order_by("ends_at")
    return MaintenanceWindow.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()[0]
