"""Clean up the clips of a host periodically, on a thread of its jobs part: a slow disk or a busy database delays no
camera."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connection

from captures.retention.cleanup import ClipCleanup
from monitoring.services import raise_alert, resolve_alert

log = logging.getLogger(__name__)
INTERVAL_S = 2.0
COUNT_S = 0.005
"""Seconds of a pass for counting clips."""


class Retention:
    """Applies the rules of count and space to the clips of `host` every INTERVAL_S."""

    def __init__(self, host: str) -> None:
        self._stopping = threading.Event()
        self._cleanup = ClipCleanup(host, should_continue=lambda: not self._stopping.is_set())
        self._alert = f"storage.retention:{host}"
        self._logged = ""
        self._problem, self._alerted = "", "not yet"
        """What the alert should say, and what it says."""
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_S):
            self._run_pass()
        connection.close()

    def _run_pass(self) -> None:
        """One pass. The thread survives errors and logs each kind once. A missing database has its own alert."""
        try:
            self._update_alert()
            self._cleanup.run(COUNT_S)
            self._logged = self._problem = ""
        except Exception as error:
            if type(error).__name__ != self._logged:
                log.exception("The cleanup of clips failed; it is tried again every %g s.", INTERVAL_S)
            self._logged = type(error).__name__
            if isinstance(error, DatabaseError):
                connection.close()
            else:
                self._problem = (
                    f"Old clips are not deleted, as the cleanup fails ({self._logged}): the disk may fill up. Check "
                    "the log of the jobs part and restart it: `skycam restart jobs`."
                )

    def _update_alert(self) -> None:
        if self._problem == self._alerted:
            return
        if self._problem:
            raise_alert(self._alert, self._problem, severity="error")
        else:
            resolve_alert(self._alert)
        self._alerted = self._problem
