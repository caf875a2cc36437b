"""Begins the sessions of the agenda, each at the begin of its first window."""

from __future__ import annotations

from cameras.runtime.clock import CameraClock
from cameras.runtime.messages import AgendaStatus
from cameras.runtime.reporter import Reporter
from cameras.runtime.session_runner import NOT_RUNNING, Reason, SessionRunner
from cameras.spool.agenda import NAME, Agenda, AgendaFile, PlannedRun, begin_of
from cameras.spool.moments import iso
from cameras.spool.recovery import UNREADABLE, reject_record
from cameras.spool.spool import Spool

LATE_S = 1.0
"""A run that begins later than this after its window has a reason for it."""


class AgendaRuns:
    """Used by the camera loop's thread; any thread may read `status`. `clock_wait_s`: how long a run waits for a
    synchronised clock after the machine has started.

    The file is replaced when the agenda changes and when a run begins. A run that has begun and is not marked yet,
    after a kill between the two, has a session file.
    """

    def __init__(
        self, runner: SessionRunner, clock: CameraClock, reporter: Reporter, clock_wait_s: float, agenda: Agenda | None
    ) -> None:
        """`agenda`: of the spec; None leaves the agenda of the spool as it is."""
        self._runner, self._clock, self._reporter = runner, clock, reporter
        self._clock_wait_s, self._started = clock_wait_s, clock.moment()
        self._desired = agenda
        self._spool: Spool | None = None
        self._file = AgendaFile()
        self._unsaved = False
        self._outage: Reason | None = None
        """Why the root was not open, or the process before this one ended."""
        self._waited_for_clock = False
        self._holder = ""
        """The session that ran when the next run was due."""
        self.status: AgendaStatus | None = None

    def attach_spool(self, spool: Spool, outage: Reason | None) -> None:
        """Read the agenda of the spool, and store the desired one. A file that cannot be read is moved aside. OSError:
        the next call tries again."""
        try:
            self._file = AgendaFile.load(spool)
        except UNREADABLE as error:
            reject_record(spool, NAME)
            self._reporter.log_event("spool.rejected", f"The agenda of the camera cannot be read: {error}")
            self._file = AgendaFile()
        self._spool, self._outage = spool, outage
        if self._desired is not None:
            self._store(spool, self._desired)
        self._describe()

    def detach_spool(self) -> None:
        self._spool = None

    def replace(self, agenda: Agenda) -> None:
        """The agenda is this from now on; also after a restart, once this returns. OSError: only until then."""
        self._desired = agenda
        if self._spool:
            self._store(self._spool, agenda)
            self._describe()

    def _store(self, spool: Spool, agenda: Agenda) -> None:
        boot = self._clock.moment().boot
        if self._file.replace(agenda) or self._unsaved or self._file.boot != boot:
            self._file.boot, self._unsaved = boot, True
            self._file.save(spool)
            self._unsaved = False

    def has_run(self, session: str) -> bool:
        """Whether the plan still asks for this session."""
        return self._file.has_run(session)

    def begin_due_run(self) -> None:
        """Begin the next run if its window has begun and no session runs. OSError: the next call tries again."""
        spool, run = self._spool, self._file.next_run()
        if spool is None:
            return
        if self._unsaved:
            self._store(spool, self._file.agenda)
        if run is None or self._clock.moment().wall < begin_of(run):
            return
        if self._waits_for_clock():
            self._waited_for_clock = True
            return
        session = self._runner.session
        if session is not None and session.id != run["id"]:
            self._holder = session.name or session.id
            return
        if not self._runner.has_session(run["id"]):
            self._begin(run)
        self._file.begun.add(run["id"])
        self._holder, self._waited_for_clock, self._unsaved = "", False, True
        self._store(spool, self._file.agenda)
        self._describe()

    def _begin(self, run: PlannedRun) -> None:
        self._runner.apply_desired_session(self._file.desired_session(run))
        if reason := self._late_reason(begin_of(run)):
            self._runner.note_outage(*reason)

    def _late_reason(self, begin: float) -> Reason | None:
        """Why the run begins late; None when it is on time, and when the camera itself was not available."""
        if self._clock.moment().wall - begin < LATE_S:
            return None
        if self._holder:
            return ("camera_held", f"The session {self._holder} held the camera.")
        if self._waited_for_clock:
            return ("clock", "The session waited for the machine's clock to be synchronised.")
        if self._outage or begin < self._started.wall:
            return self._outage or NOT_RUNNING
        return None

    def _waits_for_clock(self) -> bool:
        """Whether the machine has started since the agenda was stored, and its clock may still be wrong."""
        now = self._clock.moment()
        if self._file.boot == now.boot or self._clock.synchronisation() == "synchronised":
            return False
        return self._started.seconds_until(now) <= self._clock_wait_s

    def _describe(self) -> None:
        run = self._file.next_run()
        self.status = AgendaStatus(
            runs=len(self._file.agenda["runs"]),
            next_run=run["id"] if run else None,
            next_at=iso(begin_of(run)) if run else None,
        )
