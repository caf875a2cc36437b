"""The metrics of a host as Prometheus scrapes them: what this process knows, and what the database and broker know."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait

from django.db import connection
from prometheus_client import REGISTRY, Metric
from prometheus_client.registry import Collector

from core.collection_errors import COLLECTION_ERRORS, CollectionErrors
from monitoring.metrics import render

log = logging.getLogger(__name__)
STATION_WAIT_S = 4.0
"""Less than the ten seconds for which Prometheus waits. A database that is away may take longer than this to say so."""
LIFE_S = 1.0
"""An answer this young is given again: many clients must not take the processor from the cameras."""


class StationMetrics(Collector):
    """Collects on a thread of its own, and leaves out everything when that takes too long. Used by one thread."""

    def __init__(
        self,
        station: Collector,
        wait_s: float = STATION_WAIT_S,
        collection_errors: CollectionErrors = COLLECTION_ERRORS,
    ) -> None:
        self._station, self._wait_s, self._collection_errors = station, wait_s, collection_errors
        self._collecting: Future[list[Metric]] | None = None

    def collect(self) -> list[Metric]:
        # One that hangs is waited for again, and no second one is begun beside it.
        if self._collecting is None:
            self._collecting = Future()
            # A daemon, and not of an executor: a call that hangs does not keep the process from ending.
            threading.Thread(target=self._collect, args=[self._collecting], name="station-metrics", daemon=True).start()
        collecting = self._collecting
        if not wait([collecting], self._wait_s).done:
            self._collection_errors.add()
            log.warning("Database and broker gave no metrics within %g s; they are left out.", self._wait_s)
            return []
        # Before the result, which may be an error: the next answer begins another collection.
        self._collecting = None
        return collecting.result()

    def _collect(self, collecting: Future[list[Metric]]) -> None:
        try:
            collecting.set_result(list(self._station.collect()))
        except Exception as error:  # noqa: BLE001 - raised where the result is waited for
            collecting.set_exception(error)
        finally:
            # Django keeps a connection for each thread.
            connection.close()


OWN = ("process_", "python_", "skycam_background_")
"""The metrics of this process itself; others of its registry belong to code that only the web part uses."""


class OwnProcess(Collector):
    def collect(self) -> Iterator[Metric]:
        return (family for family in REGISTRY.collect() if family.name.startswith(OWN))


class MetricsPage:
    """Any thread may render; one does at a time."""

    def __init__(self, collectors: Sequence[Collector]) -> None:
        self._collectors, self._lock = collectors, threading.Lock()
        self._rendered: tuple[float, bytes] = (-LIFE_S, b"")

    def render(self) -> bytes:
        """In Prometheus text format."""
        with self._lock:
            rendered_at, text = self._rendered
            if time.monotonic() - rendered_at >= LIFE_S:
                text = render(self._collectors)
                self._rendered = (time.monotonic(), text)
            return text
