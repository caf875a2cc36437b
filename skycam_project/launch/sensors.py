"""The sensors part: `python -m skycam_project.launch.sensors` reads this machine's sensors until a signal."""

from __future__ import annotations

import os
import queue
import signal

import django


def run_sensors() -> None:
    """Returns after SIGTERM or SIGINT, once the processes of the sensors have ended and the readings are stored."""
    from django.conf import settings

    from monitoring.heartbeat import start_heartbeat_thread
    from monitoring.sensor_host.host import SensorHost

    signals: queue.SimpleQueue[int] = queue.SimpleQueue()  # its put() may interrupt its get(): no lock is held twice
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: signals.put(received))
    station = settings.STATION
    host = SensorHost(station.host, station.data, station.outgoing)
    host.start()
    start_heartbeat_thread(host.is_alive)
    try:
        signals.get()
    finally:
        host.stop()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup()
    run_sensors()
