"""The Celery application: `python -m celery --app skycam_project.celery worker`."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

from celery import Celery, signals
from celery.exceptions import SecurityWarning

from monitoring import heartbeat

log = logging.getLogger(__name__)
warnings.simplefilter("ignore", SecurityWarning)  # about root and pickle: tasks use only JSON
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")

app = Celery("skycam")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_max_loop_interval = 10
app.autodiscover_tasks()
app.autodiscover_tasks(["skycam_project.backups"])


def part() -> str:
    """Which part this process is; the launcher sets it. Empty where tasks are only sent."""
    # At each call: a part is forked after this module was imported.
    return os.environ.get("SKYCAM_PART", "")


def start_heartbeat(**_: Any) -> None:
    """From a thread: Celery's own loop stops while the broker is away."""
    heartbeat.start_heartbeat_thread()


def refuse_camera_host(**_: Any) -> None:
    """A launcher that runs since before an update starts the worker part by this module: it would have no cameras."""
    if part() == "worker":
        log.critical("The worker part is started in another way since the update. Restart the whole station.")
        raise SystemExit(1)


def start_jobs_part(**_: Any) -> None:
    """SystemExit after an error. Celery would go on without jobs and retention, because it ignores exceptions here."""
    if part() == "jobs":
        from core.jobs.part import local_part

        try:
            local_part().start()
        except Exception as error:
            log.critical("The jobs part cannot start.", exc_info=error)
            raise SystemExit(1) from None


def stop_running_job(**_: Any) -> None:
    """At the begin of the shutdown: Celery itself waits for its tasks first."""
    if part() == "jobs":
        from core.jobs.part import local_part

        local_part().request_stop()


def stop_jobs_part(**_: Any) -> None:
    if part() == "jobs":
        from core.jobs.part import local_part

        local_part().stop()


def replace_broken_connections(**_: Any) -> None:
    """Tasks on a thread share its database connection; a broken one is replaced before the next task."""
    from django.db import close_old_connections

    close_old_connections()


signals.task_prerun.connect(replace_broken_connections)
signals.worker_init.connect(refuse_camera_host)  # first: before a heartbeat says that the part runs
signals.worker_init.connect(start_heartbeat)
signals.worker_init.connect(start_jobs_part)  # not at worker_ready, which needs the broker
signals.worker_shutting_down.connect(stop_running_job)
signals.worker_shutdown.connect(stop_jobs_part)
signals.beat_init.connect(start_heartbeat)
