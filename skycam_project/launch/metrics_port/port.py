"""The port on which a camera host serves its metrics, on threads of its own beside the Supervisor."""

from __future__ import annotations

import socket

from cameras.supervision.assembly import Host
from core.periodic.thread import PeriodicThread, stop_together
from core.retrying_thread import RetryingThread
from core.station_owner import StationOwner
from monitoring.metrics import StationCollector
from skycam_project.config import SkycamConfig
from skycam_project.launch.metrics_port.page import MetricsPage, MetricsServer, OwnProcess, StationMetrics
from skycam_project.launch.metrics_port.part_usage import PartUsages

RETRY_S = 5.0
STOP_S = 2.0
STORE_S = 3.0


class MetricsPort:
    """A port that cannot be used raises an alert, is tried again, and stops nothing else."""

    def __init__(self, config: SkycamConfig, host: Host) -> None:
        self._settings, self._events = config.monitoring.prometheus, host.events
        self._alert = f"metrics.port:{config.host}"
        self._is_alerted = False
        counters, parts = host.counters, PartUsages(config)
        # What was counted until the end is stored.
        self._measuring = [
            PeriodicThread("stored-counters", counters.store, at_end=counters.store, on_error=counters.report_failure),
            PeriodicThread("disk-meter", host.disks.measure),
            PeriodicThread("part-usage", parts.measure),
        ]
        station = StationMetrics(StationCollector(StationOwner()))
        page = MetricsPage([station, host.metrics, parts, OwnProcess()])
        self._server = MetricsServer(page.render, self._settings.token)
        self._thread = RetryingThread("metrics-port", self._serve, on_error=self._report_failure, retry_s=RETRY_S)

    def start(self) -> None:
        if not self._settings.enabled:
            self._events.resolve_alert(self._alert)  # of the last run, which had it enabled
            return
        # After the Supervisor has locked the host's name: no other worker writes the files of its counters.
        for thread in (*self._measuring, self._thread):
            thread.start()

    def stop(self) -> None:
        self._thread.request_stop()
        self._server.stop()
        self._thread.stop(STOP_S)
        stop_together(self._measuring, STORE_S)

    def _serve(self) -> None:
        """Returns after the stop. OSError when the port cannot be used."""
        address = (self._settings.listens_on, self._settings.port)
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.create_server(address, family=family) as listening:
            self._events.resolve_alert(self._alert)
            self._is_alerted = False
            if not self._thread.is_stopping():
                self._server.serve(listening)

    def _report_failure(self, error: Exception) -> None:
        # Once: the thread tries again every few seconds.
        if self._is_alerted:
            return
        self._is_alerted = True
        settings = self._settings
        self._events.raise_alert(
            self._alert,
            f"Metrics cannot be served on {settings.listens_on} port {settings.port}: {error}. Stop the program that "
            "uses the port (`ss -tlnp` lists it), or set PROMETHEUS_PORT to a free one. Cameras are not affected.",
            "warning",
            None,
        )
