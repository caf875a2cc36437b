"""The cameras part: `python -m skycam_project.launch.cameras` runs the Supervisor of this host until a signal."""

from __future__ import annotations

import logging
import os
import queue
import signal

import django

log = logging.getLogger(__name__)


def run_cameras() -> None:
    """Returns after SIGTERM or SIGINT, once the cameras have finished. SystemExit when this host already has a
    Supervisor."""
    from django.conf import settings

    from cameras.supervision.host_identity import HostLocked
    from cameras.supervision.supervisor import build_host
    from core.periodic.part_tasks import PartTasks
    from skycam_project.launch.metrics_port import MetricsPort

    signals: queue.SimpleQueue[int] = queue.SimpleQueue()  # its put() may interrupt its get(): no lock is held twice
    # Before the start of the Supervisor: a signal during it waits in the queue.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: signals.put(received))
    tasks = PartTasks("cameras", settings.STATION.host)
    tasks.start()
    host = build_host()
    supervisor, metrics_port = host.supervisor, MetricsPort(settings.STATION, host)
    try:
        supervisor.start()
    except HostLocked as error:
        log.critical("%s", error)
        raise SystemExit(1) from None
    # After the cameras, and on its own threads: nothing that concerns metrics delays a camera.
    metrics_port.start()
    try:
        signals.get()
    finally:
        supervisor.stop()
        metrics_port.stop()
        tasks.stop(within_s=1.0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup()
    run_cameras()
