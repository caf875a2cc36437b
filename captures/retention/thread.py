"""The periodic cleanup of the clips of a host, in its jobs part: a slow disk or a busy database delays no camera."""

from __future__ import annotations

from django.db import DatabaseError

from captures.retention.cleanup import ClipCleanup
from core.periodic.work import Work
from monitoring.services import raise_alert, resolve_alert

COUNT_S = 0.005
"""Seconds of a pass for counting clips."""


class Retention(Work):
    """Applies the rules of count and space to the clips of `host`."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self._cleanup = ClipCleanup(host, should_continue=lambda: not self.control.is_stopping())
        self._alert = f"storage.retention:{host}"
        self._problem, self._alerted = "", "not yet"
        """What the alert should say, and what it says."""

    def run(self) -> None:
        self._update_alert()
        self._cleanup.run(COUNT_S)
        self._problem = ""

    def note_failure(self, error: Exception) -> None:
        """A missing database has its own alert."""
        if not isinstance(error, DatabaseError):
            # Only noted here, as an error in this handler would end the thread: the next pass raises the alert.
            self._problem = (
                f"Old clips are not deleted, as the cleanup fails ({type(error).__name__}): the disk may fill up. "
                "Check the log of the jobs part and restart it: `skycam restart jobs`."
            )

    def _update_alert(self) -> None:
        if self._problem == self._alerted:
            return
        if self._problem:
            raise_alert(self._alert, self._problem, camera=None, severity="error")
        else:
            resolve_alert(self._alert)
        self._alerted = self._problem
