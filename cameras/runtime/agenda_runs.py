"""Begins the sessions of the agenda, each at the begin of its first window, unless a session or a user's lease holds
the camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cameras.programmes.kinds import cycle_of
from cameras.runtime.clock import CameraClock
from cameras.runtime.link import Reporter
from cameras.runtime.messages import AgendaStatus
from cameras.runtime.session_account import NOT_RUNNING, Reason
from cameras.runtime.session_runner import SessionRunner
from cameras.runtime.spec import HeldLease
from cameras.spool.agenda import NAME, Agenda, AgendaFile, PlannedRun, begin_of, end_of
from cameras.spool.moments import iso, parse_windows
from cameras.spool.recovery import UNREADABLE, reject_record
from cameras.spool.spool import Spool
from core.text.names import person


@dataclass(frozen=True, slots=True)
class Holder:
    user: str
    subject: str
    """What holds the camera, as the subject of a sentence: `anna`, `The session M 31`."""
    session: bool = False


class CameraHolders:
    """Used by the camera loop's thread."""

    def __init__(self, runner: SessionRunner, clock: CameraClock, lease: HeldLease | None) -> None:
        self._runner, self._clock, self._lease = runner, clock, lease

    def replace_lease(self, lease: HeldLease | None) -> None:
        self._lease = lease

    def holder(self, run: PlannedRun) -> Holder | None:
        """None while the camera is free for the run. A lease of the user who planned it does not hold it up."""
        session, lease = self._runner.session, self._lease
        if session is not None and session.id == run["id"]:
            return None
        # As in `who_holds`: a lease overrides a session.
        if lease is not None and lease["held_by"] != person(run["created_by"]) and self._runs(lease):
            return Holder(lease["held_by"], lease["held_by"], session is not None)
        if session is None:
            return None
        return Holder(person(session.created_by), f"The session {session.name or session.id}", True)

    def _runs(self, lease: HeldLease) -> bool:
        # While the database is away no one can renew it, and it runs out here as it does there.
        return lease["until_boot_s"] > self._clock.moment().boot_s


LATE_S = 1.0
"""A run that begins later than this after its window has a reason for it."""


UNUSABLE = (*UNREADABLE, IndexError)


def check_run(agenda: Agenda, run: PlannedRun) -> None:
    """UNUSABLE for a run that this version cannot begin."""
    programme = AgendaFile(agenda).desired_session(run)["programme"]
    parse_windows(programme)
    cycle_of(programme)


class AgendaRuns:
    """Used by the camera loop's thread; any thread may read `status`. `clock_wait_s`: how long a run waits for a
    synchronised clock after the machine has started.

    The file is replaced when the agenda changes and when a run begins. A run that has begun and is not marked yet,
    after a kill between the two, has a session file.
    """

    def __init__(
        self,
        runner: SessionRunner,
        holders: CameraHolders,
        clock: CameraClock,
        reporter: Reporter,
        clock_wait_s: float,
        agenda: Agenda | None,
    ) -> None:
        """`agenda`: of the spec; None leaves the agenda of the spool as it is."""
        self._runner, self._holders, self._clock, self._reporter = runner, holders, clock, reporter
        self._clock_wait_s, self._started = clock_wait_s, clock.moment()
        self._attached = self._started
        """When the root was opened."""
        self._desired = agenda
        self._spool: Spool | None = None
        self._file = AgendaFile()
        self._unsaved = False
        self._outage: Reason | None = None
        """Why the root was not open, or the process before this one ended."""
        self._waited_for_clock = False
        self._waited_for: dict[str, Holder] = {}
        """Who held the camera when a run was due, by the id of the run."""
        self._stopped: dict[str, Holder] = {}
        """Whose session a run has stopped, or tried to, before a disk failed, by the id of the run."""
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
        self._file.agenda = self._usable(self._file.agenda)
        self._spool, self._outage, self._attached = spool, outage, self._clock.moment()
        if self._desired is not None:
            self._store(spool, self._usable(self._desired))
        self._describe()

    def detach_spool(self) -> None:
        self._spool = None

    def defer(self, agenda: Agenda) -> None:
        """Store a desired agenda that arrived while nothing can be written: with the next root."""
        self._desired = agenda

    def replace(self, agenda: Agenda) -> None:
        """The agenda is this from now on; also after a restart, once this returns. OSError: only until then."""
        self._desired = agenda
        if self._spool:
            self._store(self._spool, self._usable(agenda))
            self._describe()

    def _usable(self, agenda: Agenda) -> Agenda:
        """Without the runs that cannot begin, of which each is reported: none of them may cost the others."""
        usable = []
        for run in agenda["runs"]:
            try:
                check_run(agenda, run)
                usable.append(run)
            except UNUSABLE as error:
                self._reporter.log_event("session.rejected", f"A planned run cannot begin: {error!r}: {run}")
        return {**agenda, "runs": usable}

    def _store(self, spool: Spool, agenda: Agenda) -> None:
        # A new agenda does not make the clock right: until it is, or was waited for, the boot is that of the old one.
        boot = self._file.boot if self._file.boot and self._waits_for_clock() else self._clock.moment().boot
        asked = {run["id"] for run in agenda["runs"]}
        self._waited_for = {run: holder for run, holder in self._waited_for.items() if run in asked}
        if self._file.replace(agenda) or self._unsaved or self._file.boot != boot:
            self._file.boot, self._unsaved = boot, True
            self._file.save(spool)
            self._unsaved = False

    def has_run(self, session: str) -> bool:
        """Whether the plan still asks for this session."""
        return self._file.has_run(session)

    def begin_due_run(self) -> None:
        """Begin the next run if its window has begun and the camera is free for it. OSError: the next call tries
        again."""
        spool, wall = self._spool, self._clock.moment().wall
        if spool is None:
            return
        if self._unsaved:
            self._store(spool, self._file.agenda)
        due = self._file.due_runs(wall)
        if due and self._waits_for_clock():
            self._waited_for_clock = True
            return
        # One that waits does not hold up one that need not.
        for run in due:
            holder = self._holders.holder(run)
            if holder is None or self._may_take_over(run, holder):
                self._begin_once(spool, run, holder)
                return
            if wall < end_of(run):
                self._waited_for[run["id"]] = holder

    def _begin_once(self, spool: Spool, run: PlannedRun, holder: Holder | None) -> None:
        if not self._runner.store.has_session(run["id"]):
            self._begin(run, holder)
        self._file.begun.add(run["id"])
        self._waited_for.pop(run["id"], None)
        self._waited_for_clock, self._unsaved = False, True
        self._store(spool, self._file.agenda)
        self._describe()

    def _may_take_over(self, run: PlannedRun, holder: Holder) -> bool:
        """Whether the run takes the camera over. A session is then stopped, once its last capture is counted."""
        # One that is over, because nothing ran in its time, is accounted for once the camera is free.
        if run.get("on_held", "wait") != "take_over" or end_of(run) <= self._clock.moment().wall:
            return False
        try:
            return not holder.session or self._runner.stop_for(run["name"])
        except OSError:
            # It may be stopped already: the next call finds no holder, and the user is told all the same.
            self._stopped[run["id"]] = holder
            raise

    @property
    def begins_in_s(self) -> float:
        """Seconds until the next begin of a run; infinite without one. One that is overdue does not count."""
        wall = self._clock.moment().wall
        begin = self._file.next_begin(wall) if self._spool else None
        return math.inf if begin is None else begin - wall

    def _begin(self, run: PlannedRun, holder: Holder | None) -> None:
        desired = self._file.desired_session(run)
        if holder := holder or self._stopped.pop(run["id"], None):
            desired["taken_from"] = holder.user
        reason = self._late_reason(run)
        try:
            self._runner.apply_desired_session(desired)
        finally:
            # Also after an OSError: the session may have begun, and only its record is not sent yet.
            if reason:
                self._runner.note_outage(*reason)

    def _late_reason(self, run: PlannedRun) -> Reason | None:
        """Why the run begins late; None when it is on time, and when the camera itself was not available."""
        begin = begin_of(run)
        if self._clock.moment().wall - begin < LATE_S:
            return None
        if holder := self._waited_for.get(run["id"]):
            return ("camera_held", f"{holder.subject} held the camera.")
        if self._waited_for_clock:
            return ("clock", "The session waited for the machine's clock to be synchronised.")
        now = self._clock.moment()
        if self._attached.seconds_until(now) < now.wall - begin:
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
