"""The Supervisor's access to the database, on its own thread: ingest, writes of events, desired states, sweeps.

While the database is away everything waits in the spools and in the outbox; running cameras continue.
"""

from __future__ import annotations

import functools
import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from cameras.supervision.desired_state_sync import READ_S, DesiredStateReader
from cameras.supervision.ingester import ANSWER_WAIT_S, Ingester
from cameras.supervision.lease import HostLease, LeaseLost
from cameras.supervision.outbox import Outbox
from cameras.supervision.spool_janitor import SpoolJanitor
from core import database_damage, database_move
from core.periodic.thread import PeriodicThread

log = logging.getLogger(__name__)
AWAY_S = 0.2
"""Pause before the database is tried again."""
REST_S = 1.5
"""For so long the records that are left at a stop are ingested."""


class DatabaseThread:
    """Runs the steps of its parts in a fixed order, again at once while records wait, and a second thread that answers
    late callers. Only the database thread writes `away_since`."""

    def __init__(
        self,
        lease: HostLease,
        ingester: Ingester,
        outbox: Outbox,
        reader: DesiredStateReader,
        janitor: SpoolJanitor,
        work: threading.Event,
    ) -> None:
        """`work` is set by other threads when there is something to do."""
        self._lease, self._ingester, self._outbox, self._reader, self._janitor = (
            lease,
            ingester,
            outbox,
            reader,
            janitor,
        )
        self.away_since: float | None = None
        self._has_more = False
        """Whether more records wait than were ingested in the last round."""
        self._thread = PeriodicThread("database-sync", self._run, at_end=self._ingest_the_rest, awake=work)
        # On a thread of its own: a locked database blocks the other one just when callers become late.
        self._late_answers = PeriodicThread("late-answers", ingester.answer_late_callers)

    def start(self) -> None:
        self._thread.start()
        self._late_answers.start()

    def stop(self) -> None:
        """Ingest once more, then end the thread."""
        self._thread.stop(within_s=3.0)
        self._late_answers.stop(within_s=1.0)

    def sync(self) -> None:
        """Every step once. Raises DatabaseError while the database is away: what is left waits for the next call. Where
        a step fails otherwise, as on a damaged table, the others are done, and its error is raised. While another
        machine has this host's name nothing is written: only whether that is still so is read. So it is for a host of a
        version that is too old."""
        now = time.monotonic()
        self._has_more = False
        try:
            if self._lease.is_held:
                self._lease.hold(now)  # before the steps, which may take long
            if not self._lease.is_held:
                self._reader.read_if_due(now)
            # Of another version's database not even the desired states are read: the cameras go on as they are.
            if self._lease.is_held and not self._lease.version_problem:
                self._make_steps(now)
        except LeaseLost as error:
            log.critical("%s", error)
            self._reader.read_soon()

    def _make_steps(self, now: float) -> None:
        failure: Exception | None = None
        # The desired states first, and records for a time only: a backlog of them delays no command. The sweep is last:
        # it queues what it finds for the next round.
        for step in (
            functools.partial(self._reader.read_if_due, now),
            self._ingest,
            self._outbox.flush,
            functools.partial(self._janitor.sweep_if_due, now),
        ):
            try:
                step()
            except LeaseLost:
                raise
            except Exception as error:
                if isinstance(error, DatabaseError) and not database_damage.is_damage(error):
                    raise  # it is away, for the other steps, too
                failure = failure or error
        if failure is not None:
            raise failure

    def _ingest(self) -> None:
        self._has_more = self._ingester.ingest_waiting()

    def run_once(self) -> None:
        """Every step once, then the answers that waited for records."""
        try:
            self.sync()
            self.away_since = None
        except (DatabaseError, OSError) as error:
            self._note_away(error)
        except Exception:
            self.away_since = None  # it answers again, and the fault is another one
            raise
        finally:
            # Also when a step has failed: callers are answered while the database is away.
            self._ingester.make_waiting_calls(is_away=self.away_since is not None)

    def _run(self) -> float:
        """Returns the seconds until the next call."""
        self.run_once()
        if self._has_more:
            return 0.0
        return READ_S if self.away_since is None else ANSWER_WAIT_S

    def _ingest_the_rest(self) -> None:
        if database_move.is_being_moved(settings.STATION.data):
            return  # it takes no writes: the spool is ingested by the next start
        self._janitor.sweep_soon()
        try:
            self.run_once()  # finds what the last processes left in their spools
        finally:
            until = time.monotonic() + REST_S
            self.run_once()  # and ingests it; what is left then waits in the spools
            while self._has_more and time.monotonic() < until:
                self.run_once()
            self._release_lease()

    def _release_lease(self) -> None:
        try:
            self._lease.release()
        except DatabaseError as error:
            log.info("The lease of the host's name could not be released (%s): it ends by itself.", error)

    def _note_away(self, error: Exception) -> None:
        if self.away_since is None:
            self.away_since = time.monotonic()
            log.error("The database cannot be written (%s); records wait in the spool.", error)
        database_damage.note_if_damage(error, "ingested records")
        # A connection that has broken never works again; the next try opens another one.
        close_old_connections()
        connection.close()
        self._thread.pause(AWAY_S)
