"""Removes old notifications and silences; RETENTION lists it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from monitoring.models import AlertSilence, NotificationDelivery

KEPT = timedelta(days=90)
BATCH = 500


def remove_notifications() -> int:
    """Remove a batch of those that ended more than 90 days ago. Returns the number of rows."""
    before = timezone.now() - KEPT
    old = NotificationDelivery.objects.filter(ended_at__lt=before).order_by().values_list("pk", flat=True)
    if batch := list(old[:BATCH]):
        return NotificationDelivery.objects.filter(pk__in=batch).delete()[0]
    silences = AlertSilence.objects.filter(ended_at__lt=before).order_by().values_list("pk", flat=True)
    return AlertSilence.objects.filter(pk__in=list(silences[:BATCH])).delete()[0]
