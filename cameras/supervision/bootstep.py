"""The Supervisor as a step of the camera host's Celery worker."""

from __future__ import annotations

import atexit
import logging
from typing import Any

from celery import bootsteps

from cameras.supervision.assembly import build_host
from cameras.supervision.host_lock import HostLocked
from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)


class SupervisorStep(bootsteps.StartStopStep):
    requires = {"celery.worker.components:Pool"}

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.supervisor: Supervisor | None = None

    def start(self, parent: Any) -> None:
        supervisor = build_host().supervisor
        try:
            supervisor.start()
        except HostLocked as error:
            log.critical("%s", error)
            raise SystemExit(str(error)) from error
        self.supervisor = supervisor
        atexit.register(supervisor.stop)

    def stop(self, parent: Any) -> None:
        if self.supervisor:
            self.supervisor.stop()

    terminate = stop
