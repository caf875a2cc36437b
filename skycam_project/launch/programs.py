"""What the parts cameras, sensors and files run until a signal: `python -m skycam_project.launch.programs cameras`,
`sensors [station]` or `files FD`."""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import sys
import threading

import django

log = logging.getLogger(__name__)


def stop_signals() -> queue.SimpleQueue[int]:
    """Gets each SIGTERM and SIGINT from now on."""
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()  # its put() may interrupt its get(): no lock is held twice
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: signals.put(received))
    return signals


def run_cameras() -> None:
    """Runs the Supervisor of this host. Returns after SIGTERM or SIGINT, once the cameras have finished. SystemExit
    when this host already has a Supervisor."""
    from django.conf import settings

    from cameras.supervision.host_identity import HostLocked
    from cameras.supervision.supervisor import build_host
    from core.periodic.part_tasks import PartTasks
    from skycam_project.launch.metrics_port import MetricsPort

    # Before the start of the Supervisor: a signal during it waits in the queue.
    signals = stop_signals()
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


def run_sensors(*, whole_station: bool) -> None:
    """Reads this machine's sensors and watches its alert rules. With `whole_station` it also watches what concerns the
    whole station, while no other machine does. Returns after SIGTERM or SIGINT, once the processes of the sensors have
    ended and the readings are stored."""
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
    signals = stop_signals()
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


def run_files(fd: int) -> None:
    """Runs the file server for the other machines. Returns after SIGTERM or SIGINT. SystemExit when the certificate
    cannot be used."""
    from django.conf import settings

    from captures.files.host_files.server import FileServer
    from core.heartbeat import start_heartbeat_thread

    files = settings.STATION.files
    try:
        server = FileServer(socket.socket(fileno=fd), settings.STATION.host, files.certificate, files.certificate_key)
    except OSError as error:
        raise SystemExit(f"files.certificate or files.certificate_key cannot be used: {error}") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the loop, which this thread runs.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    start_heartbeat_thread()
    server.serve_forever(poll_interval=0.5)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup()
    match sys.argv[1:]:
        case ["cameras"]:
            run_cameras()
        case ["sensors", *of_station]:
            run_sensors(whole_station="station" in of_station)
        case ["files", listening]:
            run_files(int(listening))
