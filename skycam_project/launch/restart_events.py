"""Turns the launcher's records of restarts and crash loops into events and alerts, and checks this machine's health.

Runs in the cameras part. While that is away, the launcher runs
`python -m skycam_project.launch.restart_events` once for the records alone. A database that is down is tried again.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from core.periodic.task import Work
from skycam_project.launch import restart_journal
from skycam_project.launch.preflight import run_folder
from skycam_project.launch.restart_journal import CrashLoopFiles, report_crash_loops

logger = logging.getLogger(__name__)
HEALTH_EVERY_S = 60.0


def record_restarts_and_crash_loops(folder: Path) -> None:
    """Raises DatabaseError, OSError, and ValueError or KeyError for a malformed record."""
    restart_journal.record_restarts(folder)
    report_crash_loops(folder)


class RestartEvents(Work):
    """Every HEALTH_EVERY_S it also checks this machine's health."""

    def __init__(self, host: str) -> None:
        from django.conf import settings

        from core.changes import ChangeGate

        super().__init__(host)
        self._folder, self._gate = run_folder(settings.STATION), ChangeGate()
        # Not 0: time.monotonic() is small after a boot, and the first check comes at once.
        self._checked_at = -HEALTH_EVERY_S

    def run(self) -> None:
        from django.db import DatabaseError, close_old_connections

        from monitoring.health import check_host

        try:
            restart_journal.record_restarts(self._folder)
            report = self._gate.call_now if CrashLoopFiles(self._folder).read() else self._gate.call
            report(lambda: report_crash_loops(self._folder))
            if time.monotonic() - self._checked_at >= HEALTH_EVERY_S:
                # Before the check: one that fails is not repeated every 2 s.
                self._checked_at = time.monotonic()
                check_host()
        except (DatabaseError, OSError, ValueError, KeyError) as error:
            logger.warning("Restarts of parts are not in the event log yet: %s", error)
        # Django does this after each request only: the thread would keep a connection that the database has closed.
        close_old_connections()


def main() -> None:
    """Record once. It creates no database: a machine that runs only a broker has none."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    import django
    from django.conf import settings
    from django.db import DatabaseError

    django.setup()
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3") and not Path(database["NAME"]).exists():
        return
    try:
        record_restarts_and_crash_loops(run_folder(settings.STATION))
    except DatabaseError as error:
        logger.warning("Restarts of parts are not in the event log yet: %s", error)


if __name__ == "__main__":
    main()
