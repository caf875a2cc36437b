"""What a Celery worker of the station is beside its tasks follows from its queues.

With `camera.<host>` it is a camera host: a bootstep starts the parts whose parent it is. With `jobs.<host>` it does the
jobs of the host. Without `--queues` it takes all those of its host: `celery -A skycam_project worker -n NAME` is a
complete camera host, also without a launcher.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from celery import Celery, bootsteps, signals
from celery.utils.nodenames import NODENAME_DEFAULT, default_nodename, host_format, nodesplit

from core import heartbeat
from core.broker.queues import camera_queue, host_queues, jobs_queue
from skycam_project.config import ConfigError, check_writable, load_config
from skycam_project.launch import control, preflight
from skycam_project.launch.parts import CAMERA_HOST, Plan, part_environment, parts_of, parts_to_lock
from skycam_project.launch.preflight import LaunchError
from skycam_project.launch.running_parts import HostedParts

log = logging.getLogger(__name__)
ONLY = "worker"
_held = ExitStack()
"""Locks and sockets, until this process ends."""
_fds: dict[str, int] = {}
"""Of the sockets, by part."""


def connect(app: Celery) -> None:
    app.steps["worker"].add(CameraHost)
    signals.celeryd_init.connect(select_queues)
    signals.worker_init.connect(prepare)  # first: before a heartbeat says that the part runs
    signals.worker_init.connect(start_worker_heartbeat)
    signals.worker_init.connect(start_jobs)  # not at worker_ready, which needs the broker
    signals.worker_shutting_down.connect(request_stop)
    signals.worker_shutdown.connect(stop_jobs)
    signals.beat_init.connect(refuse_copy)
    signals.beat_init.connect(start_heartbeat)


def adopt_name(words: Sequence[str]) -> None:
    """Before the settings are read: the name that `celery worker -n NAME` gives is that of the host where the
    configuration has none."""
    if "worker" not in words or is_below_launcher():
        return
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-n", "--hostname")
    name = parser.parse_known_args(list(words))[0].hostname
    try:
        has_name = load_config().origin(("host",)) != "default"
    except (ConfigError, OSError):
        return  # the settings, which are read next, say it
    if name and not has_name:
        os.environ["SKYCAM_HOST"] = host_of(host_format(default_nodename(name)))


def host_of(node: str) -> str:
    """Celery makes `celery@roof` of `-n roof`; the launcher gives its workers `roof@STATION`."""
    name, domain = nodesplit(node)
    return str(domain if name == NODENAME_DEFAULT else name)


def is_below_launcher() -> bool:
    return bool(os.environ.get("SKYCAM_PART"))


def select_queues(sender: str, instance: Any, options: dict[str, Any], **_: Any) -> None:
    """Those of the host, for a worker to which none are given. SystemExit if it has the name of another host."""
    from django.conf import settings

    host = settings.STATION.host
    if options.get("queues"):
        return
    if sender == default_nodename(None):  # of a worker without `-n`, the machine's
        instance.hostname = default_nodename(host)
    elif host_of(sender) != host:
        where = settings.STATION.origin(("host",))
        refuse(
            f"This worker was given the name {host_of(sender)}, but this machine is the host {host} ({where}). "
            f"Start it with `-n {host}`, or change the host there."
        )
    instance.app.amqp.queues.select(host_queues(host))


def refuse(reason: str) -> None:
    log.critical("%s", reason)
    raise SystemExit(1)


def takes(worker: Any, queue: str) -> bool:
    return queue in worker.app.amqp.queues.consume_from


def has_cameras(worker: Any) -> bool:
    from django.conf import settings

    return takes(worker, camera_queue(settings.STATION.host))


def has_jobs(worker: Any) -> bool:
    from django.conf import settings

    return takes(worker, jobs_queue(settings.STATION.host))


def prepare(sender: Any, **_: Any) -> None:
    """What a launcher has done already: refuse a paused copy, lock the folder, bind the port of the file server, check
    the database, take the name, create the roots."""
    if is_below_launcher():
        return
    from django.conf import settings

    from skycam_project.launch.prepare import run_preparation

    config = settings.STATION
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold every secret; children inherit this
    refuse_copy()
    if not has_cameras(sender):
        return
    try:
        preflight.check_data_folder(config)
        check_writable(config.storage_root)
        for name in parts_to_lock(config, ONLY):
            _held.enter_context(preflight.lock_folder(preflight.lock_path(config, name), config.data))
        _fds.update(preflight.bind_ports(config, CAMERA_HOST, _held))
    except ConfigError as error:
        refuse(" ".join(error.problems))
    except LaunchError as error:
        refuse(str(error))
    if refused := run_preparation(ONLY).get("refused"):
        refuse(str(refused))


def refuse_copy(**_: Any) -> None:
    from django.conf import settings

    try:
        preflight.check_no_copy(settings.STATION)
    except LaunchError as error:
        refuse(str(error))


def start_heartbeat(**_: Any) -> None:
    """From a thread: Celery's own loop stops while the broker is away."""
    heartbeat.start_heartbeat_thread()


def start_worker_heartbeat(sender: Any, **_: Any) -> None:
    """A camera host sends them from the loop that watches its parts."""
    if not has_cameras(sender):
        start_heartbeat()


def start_jobs(sender: Any, **_: Any) -> None:
    """SystemExit after an error. Celery would go on without jobs and retention, because it ignores exceptions here."""
    if has_jobs(sender):
        from core.jobs.worker import local_part
        from core.periodic.celery_runs import note_celery_runs

        try:
            note_celery_runs()
            local_part().start()
        except Exception as error:
            log.critical("The jobs of this host cannot be started.", exc_info=error)
            raise SystemExit(1) from None


class CameraHost(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts the parts of a camera host, and stops them with the worker. They need no broker, and no pool."""

    requires = ("celery.worker.components:Pool",)
    running: HostedParts | None = None
    """Of this process, for the handler of a signal."""

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._hosted: HostedParts | None = None

    def include_if(self, worker: Any) -> bool:
        return has_cameras(worker)

    def start(self, _worker: Any) -> None:
        from django.conf import settings

        config = settings.STATION
        # The launcher of the whole station holds the lock of this part: one that listens here is above this process.
        only = None if control.is_listening(preflight.control_path(config)) else ONLY
        plan = Plan(config, part_environment(dict(os.environ), config, None), only, _fds)
        has_launcher = is_below_launcher()
        # A launcher has started the other parts of a camera host itself.
        beside = [] if has_launcher else [name for name in CAMERA_HOST if name != ONLY]
        names = [*beside, *parts_of(ONLY)]
        CameraHost.running = self._hosted = HostedParts(plan, names, end_process, has_launcher=has_launcher)
        self._hosted.start()

    def stop(self, _worker: Any) -> None:
        if self._hosted:
            self._hosted.stop()

    terminate = stop


def end_process(reason: str) -> None:
    """What still runs of the parts ends with this process. Not by a signal: Celery may be waiting for the broker."""
    log.critical("This camera host ends: %s", reason)
    os._exit(1)


def request_stop(**_: Any) -> None:
    """At the begin of the shutdown: Celery itself waits for its tasks first."""
    if CameraHost.running:
        CameraHost.running.request_stop()
    from core.jobs.worker import local_part

    if local_part.cache_info().currsize:
        local_part().request_stop()


def stop_jobs(**_: Any) -> None:
    from core.jobs.worker import local_part

    if local_part.cache_info().currsize:
        local_part().stop()
