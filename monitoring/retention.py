"""Removes old events and alerts. The table RETENTION lists everything that is removed, and the functions that do it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from core.background import log_and_continue
from core.events.models import Alert, Event
from core.events.severity import Severity
from core.partitions import EVENTS, drop_partitions, first_row_to_stay
from core.registry import resolve

# By their paths: some are of the project, which monitoring does not import.
RETENTION = {
    "events": "monitoring.retention.remove_events",
    "alerts": "monitoring.retention.remove_alerts",
    "idempotent_requests": "core.idempotency.claims.remove_requests",
    "jobs": "core.jobs.services.remove_jobs",
    "maintenance_windows": "monitoring.maintenance.services.remove_windows",
    "notifications": "monitoring.notifications.deliveries.remove_notifications",
    "webhook_deliveries": "monitoring.webhooks.thread.remove_deliveries",
    "readings": "monitoring.readings.aggregation.remove_readings",
    "reading_minutes": "monitoring.readings.aggregation.remove_minutes",
    "sensors": "monitoring.sensor_management.services.remove_readings",
    "cleanup_plans": "captures.storage.retention.manager.remove_plans",
    "sessions": "skycam_project.access.services.remove_sessions",
    "sign_ins": "skycam_project.access.services.remove_sign_ins",
    "tokens": "skycam_project.access.services.remove_tokens",
}
"""What is removed when it is old enough -> a function that removes a small batch in its own transaction and returns the
number of rows: 0 when none is left."""

log = logging.getLogger(__name__)
BATCH = 500
"""Rows per transaction, few enough that other writers need not wait."""
# SQLite does not queue its writers: a loop without pauses kept one of them waiting for 5 s.
PAUSE_S = 0.02
RUN_S = 20.0
"""The time for each entry of RETENTION in one run; the rest waits for the next run."""
NEWEST = 1000
"""The number of newest events that stay at any age, so that a clock that jumps years ahead does not empty the log."""


def remove_expired(entries: Mapping[str, str] = RETENTION, run_s: float = RUN_S) -> dict[str, int]:
    """Remove what the entries list, batch by batch, for `run_s` seconds each. Returns entry -> number of rows. An entry
    that fails does not stop the others."""
    removed = {}
    for name, path in entries.items():
        with log_and_continue(f"retention of {name}"):
            removed[name] = in_batches(resolve(path), run_s)
    if counts := {name: count for name, count in removed.items() if count}:
        log.info("Removed old rows: %s.", ", ".join(f"{n} {name}" for name, n in counts.items()))
    return removed


def in_batches(remove_batch: Callable[[], int], run_s: float) -> int:
    removed, until = 0, time.monotonic() + run_s
    while time.monotonic() < until and (count := remove_batch()):
        removed += count
        time.sleep(PAUSE_S)
    return removed


def remove_events() -> int:
    """Remove the months that are older than their events are kept, and a batch of events of one severity that are,
    oldest first. Returns the number of the latter."""
    newest = Event.objects.order_by("-at", "-id").values_list("at", flat=True)
    first_to_stay = newest[NEWEST - 1 : NEWEST].first()
    if first_to_stay is None:
        return 0
    # The older of both times: neither the age nor the number alone removes an event.
    limits = {
        severity: min(first_to_stay, timezone.now() - timedelta(days=days)) for severity, days in kept_days().items()
    }
    drop_months(limits)
    for severity, before in limits.items():
        old = Event.objects.filter(severity=severity, at__lt=first_row_to_stay(EVENTS, before)).order_by("at", "id")
        # The default manager refuses to delete events; this is the only place that may.
        if removed := Event._base_manager.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()[0]:
            return removed
    return 0


def drop_months(limits: Mapping[str, datetime]) -> None:
    """`limits`: severity -> the end of the months of which its events go. Those of other severities stay."""
    for limit in sorted(set(limits.values())):
        expired = [str(severity) for severity, before in limits.items() if before >= limit]
        is_whole = set(expired) == set(Severity)
        names = ", ".join(f"'{severity}'" for severity in expired)
        drop_partitions(EVENTS, limit, kept="" if is_whole else f"severity NOT IN ({names})")


def kept_days() -> dict[str, int]:
    """Severity -> days; without those that are kept forever. A severe event stays as long as a less severe one at
    least."""
    monitoring = settings.STATION.monitoring
    found: dict[str, int] = {}
    longest = 0
    for severity, days in (
        (Severity.INFO, monitoring.events_kept_days),
        (Severity.WARNING, monitoring.warnings_kept_days),
        (Severity.ERROR, monitoring.errors_kept_days),
        (Severity.CRITICAL, monitoring.errors_kept_days),
    ):
        # 0 is forever, for this severity and all above it.
        if not days:
            break
        longest = max(longest, days)
        found[severity] = longest
    return found


def remove_alerts() -> int:
    """Remove a batch of alerts that were resolved longer ago than that. Unresolved alerts stay."""
    days = settings.STATION.monitoring.events_kept_days
    if not days:
        return 0
    before = timezone.now() - timedelta(days=days)
    old = Alert.objects.filter(state=Alert.State.RESOLVED, resolved_at__lt=before).values_list("pk", flat=True)
    return Alert.objects.filter(pk__in=list(old[:BATCH])).delete()[0]
