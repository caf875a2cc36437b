"""METRICS: the station's metrics for Prometheus. Each entry is a function that takes a user and yields metric families,
without the cameras that this user may not see. The port of a host has no users: there it is a `StationOwner`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Metric, disable_created_metrics, generate_latest
from prometheus_client.registry import Collector

from core.background import count_failure, log_and_continue
from core.collection_errors import COLLECTION_ERRORS, CollectionErrors, collection_errors_family
from core.outages import DATABASE_AWAY
from core.registry import resolve

METRICS: dict[str, str] = {
    # First: they need no database, and nothing is collected after an entry that did not reach it.
    "build": "skycam_project.metrics.build_metrics",
    "sensors": "core.readings.latest.sensor_metrics",
    "recording": "captures.recordings.clips.selectors.recording_metrics",
    "captures": "captures.capturing.metrics.capture_metrics",
    "cameras": "cameras.status.health.camera_metrics",
    "archives": "captures.storage.archives.selectors.archive_metrics",
    "alerts": "monitoring.alert_metrics.alert_metrics",
    "queues": "skycam_project.metrics.queue_metrics",
    "jobs": "monitoring.jobs.job_metrics",
    "periodic": "monitoring.late_tasks.late_metrics",
    "readings": "monitoring.readings.aggregation.reading_metrics",
    "offsite": "captures.storage.offsite.selectors.offsite_metrics",
    "notifications": "monitoring.notifications.selectors.notification_metrics",
    "webhooks": "monitoring.webhooks.selectors.webhook_metrics",
}
# The time at which a counter began would be a second series beside each one.
disable_created_metrics()  # type: ignore[no-untyped-call]


class StationCollector(Collector):
    """The metrics for a user, without the errors of the collection. It has no state, so several threads may collect."""

    def __init__(self, user: Any, collection_errors: CollectionErrors = COLLECTION_ERRORS) -> None:
        self._user, self._collection_errors = user, collection_errors

    def collect(self) -> list[Metric]:
        """An entry that fails is missing and counted; the others are returned."""
        families: list[Metric] = []
        for name, path in METRICS.items():
            is_collected = False
            try:
                # Prometheus would get nothing at all from a request that fails.
                with log_and_continue(f"metrics of {name}", unless=DATABASE_AWAY):
                    families += resolve(path)(self._user)
                    is_collected = True
            except DATABASE_AWAY as error:
                count_failure(f"metrics of {name}", error)
                self._collection_errors.add()
                # The others would each wait for the database too, longer than Prometheus waits for the answer.
                break
            if not is_collected:
                self._collection_errors.add()
        return merge(families)


def merge(families: Iterable[Metric]) -> list[Metric]:
    """Families of the same name as one: a name may stand in an answer only once."""
    found: dict[str, Metric] = {}
    for family in families:
        known = found.setdefault(family.name, family)
        if known is not family:
            known.samples = [*known.samples, *family.samples]
    return list(found.values())


def metrics_for(user: Any) -> bytes:
    """The metrics, with the errors of this process, in Prometheus text format."""
    return render([StationCollector(user), ErrorCollector()])


def render(collectors: Iterable[Collector]) -> bytes:
    """What the collectors give, in Prometheus text format. They may have the same families."""
    # One for each answer, since metrics depend on the user. `auto_describe` would collect them a second time.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Merged(collectors))
    return generate_latest(registry)


class ErrorCollector(Collector):
    """The errors of the collection in this process."""

    def collect(self) -> list[Metric]:
        return [collection_errors_family(COLLECTION_ERRORS.number)]


class _Merged(Collector):
    def __init__(self, collectors: Iterable[Collector]) -> None:
        self._collectors = collectors

    def collect(self) -> list[Metric]:
        """A collector that fails is missing; the others are returned."""
        families: list[Metric] = []
        for collector in self._collectors:
            with log_and_continue(f"metrics of {type(collector).__name__}"):
                families += collector.collect()
        return merge(families)
