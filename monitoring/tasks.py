"""Periodic tasks: health checks become alerts, readings become aggregates, and old rows are removed."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from core.changes import in_one_transaction
from core.registry import resolve
from monitoring import retention
from monitoring.health import check_station
from monitoring.readings.aggregation import aggregate_due
from monitoring.webhooks.thread import local_thread

ALERT_RESOLVERS = (
    "cameras.supervision.lease.close_taken_alerts",
    "captures.files.verification.close_missing_alerts",
    "captures.files.verification.close_damaged_alerts",
    "monitoring.alert_rules.event_rules.close_quiet_alerts",
    "monitoring.alert_rules.watch.close_orphaned_alerts",
)
"""Functions that resolve alerts which HEALTH did not raise, once their cause is gone."""


@shared_task(name="monitoring.check_health", ignore_result=True)
def check_health() -> None:
    """Run the checks of the whole station."""
    check_station()
    with in_one_transaction():
        for path in ALERT_RESOLVERS:
            resolve(path)()


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
