"""Periodic tasks: health checks become alerts, readings become aggregates, and old rows are removed."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from cameras.supervision.lease import close_taken_alerts
from captures.files.verification import close_damaged_alerts, close_missing_alerts
from core.changes import in_one_transaction
from monitoring import retention
from monitoring.alert_rules.event_rules import close_quiet_alerts
from monitoring.alert_rules.watch import close_orphaned_alerts
from monitoring.health import check_station
from monitoring.readings.aggregation import aggregate_due
from monitoring.webhooks.thread import local_thread

ALERT_RESOLVERS = (
    close_taken_alerts,
    close_missing_alerts,
    close_damaged_alerts,
    close_quiet_alerts,
    close_orphaned_alerts,
)
"""They resolve alerts which HEALTH did not raise, once their cause is gone."""


@shared_task(name="monitoring.check_health", ignore_result=True)
def check_health() -> None:
    """Run the checks of the whole station."""
    check_station()
    with in_one_transaction():
        for resolve_alerts in ALERT_RESOLVERS:
            resolve_alerts()


@shared_task(name="monitoring.wake_webhooks", ignore_result=True)
def wake_webhooks() -> None:
    """Runs in the jobs part of one host."""
    local_thread(settings.STATION.host).wake()


@shared_task(name="monitoring.aggregate_readings", ignore_result=True)
def aggregate_readings() -> None:
    aggregate_due()


@shared_task(name="monitoring.remove_expired", ignore_result=True)
def remove_expired() -> None:
    retention.remove_expired()
