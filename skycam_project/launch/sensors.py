"""The sensors part: `python -m skycam_project.launch.sensors [station]` reads this machine's sensors and watches its
alert rules until a signal. With `station` it also watches what concerns the whole station, while no other machine
does."""

from __future__ import annotations

import os
import queue
import signal
import sys

import django


def run_sensors(*, whole_station: bool) -> None:
    """Returns after SIGTERM or SIGINT, once the processes of the sensors have ended and the readings are stored."""
    from django.conf import settings

    from core.heartbeat import start_heartbeat_thread
    from core.periodic.part_tasks import PartTasks
    from core.stations.lease import ALERT_RULES, StationWork
    from monitoring.alert_rules.signals import signal_sources
    from monitoring.alert_rules.watch import RuleWatch
    from monitoring.sensor_host.host import SensorHost
    from monitoring.sensor_management.commands import SensorCommandServer
    from skycam_project.sqlite_busy_timeout import shorten_busy_timeouts

    # Readings that wait for a locked database are in memory; those that were refused are in the journal.
    shorten_busy_timeouts()
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()  # its put() may interrupt its get(): no lock is held twice
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: signals.put(received))
    station = settings.STATION
    host = SensorHost(station.host, station.data, station.outgoing)
    sources = signal_sources(station.host, whole_station=whole_station)
    work = StationWork(ALERT_RULES)
    watch = RuleWatch(station.host, station.data, host.known_states, sources, host.writer.writes.add, work.is_ours)
    host.add_listener(watch.record_readings)
    commands = SensorCommandServer(station.host, station.outgoing, host.paused)
    tasks = PartTasks("sensors", station.host)
    host.start()
    watch.start()
    commands.start()
    tasks.start()
    start_heartbeat_thread(host.is_alive)
    try:
        signals.get()
    finally:
        commands.stop()
        watch.stop()
        work.release()
        host.stop()
        tasks.stop(within_s=1.0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup()
    run_sensors(whole_station="station" in sys.argv[1:])
