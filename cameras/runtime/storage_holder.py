"""Holds the storage root open, detects a disk that hangs, and opens the root again when it is back, with the session
of its spool."""

from __future__ import annotations

from dataclasses import dataclass

from cameras.runtime.agenda_runs import AgendaRuns, CameraHolders
from cameras.runtime.clock import CameraClock
from cameras.runtime.link import Reporter, ReportSink
from cameras.runtime.messages import RecoveredReport
from cameras.runtime.session_account import Reason
from cameras.runtime.session_runner import SessionBusy, SessionRunner
from cameras.runtime.spec import Spec
from cameras.runtime.still_queue import StillQueue
from cameras.spool.full_disk import describe_disk_error, disk_reason
from cameras.spool.recovery import DecidedOutcome
from cameras.spool.session_files import DesiredSession
from cameras.spool.spool import Spool
from cameras.spool.storage import RootMissing, SpoolLocked, Storage
from core.dataclass_json import dataclass_from_json
from core.watchdog import DiskWatchdog


class SessionResumption:
    """Used by the camera loop's thread. `desired` is the session of the process's spec, None for none."""

    def __init__(
        self, runner: SessionRunner, agenda: AgendaRuns, reporter: Reporter, desired: DesiredSession | None
    ) -> None:
        self._runner, self._agenda, self._reporter, self._desired = runner, agenda, reporter, desired

    def defer_session(self, desired: DesiredSession) -> None:
        """Store a desired session that arrived while nothing can be written. It is applied when the root is open."""
        self._desired = desired

    def resume(self, spool: Spool, outage: Reason | None, ended: Reason | None) -> None:
        """`outage`: why the root was not open; `ended`: why the process before this one ended. The starts that the
        session missed have the first of them as their reason. OSError: the next call tries again."""
        runner = self._runner
        runner.attach_spool(spool)
        if outage:
            runner.note_outage(*outage)
        elif ended:
            runner.note_end(*ended)
        self._agenda.attach_spool(spool, outage or ended)
        if self._desired:
            self._apply(self._desired)

    def _apply(self, desired: DesiredSession) -> None:
        """The database allows one session, and ids rise with time: of two, the older one has ended there. Either the
        session of the spool ended while this process was away, or the desired one was read before the other began. A
        session of the agenda has an older id, and has not ended: the database does not know yet that it has begun."""
        try:
            self._runner.apply_desired_session(desired)
        except SessionBusy as error:
            self._reporter.log_event("session.held", str(error))
            if desired["id"] > error.session and not self._agenda.has_run(error.session):
                self._runner.fail_session("interrupted", "The database asks for another session.")
                self._runner.apply_desired_session(desired)

    def forget_desired(self) -> None:
        """It is applied, and the spool is open."""
        self._desired = None

    def detach(self) -> None:
        """The spool is about to be closed."""
        self._runner.detach_spool()
        self._agenda.detach_spool()


@dataclass(frozen=True, slots=True)
class Sessions:
    """The session of a camera, and what decides which one it is."""

    runner: SessionRunner
    holders: CameraHolders
    agenda: AgendaRuns
    resumption: SessionResumption


REFILL_S = 10.0


class StorageHolder:
    """Used by the camera loop's thread, except for `mark_lost`. Any thread may read."""

    def __init__(
        self,
        spec: Spec,
        clock: CameraClock,
        sessions: SessionResumption,
        reporter: Reporter,
        link: ReportSink,
        watchdog: DiskWatchdog,
    ) -> None:
        self._spec, self._clock, self._sessions = spec, clock, sessions
        self._reporter, self._link, self._watchdog = reporter, link, watchdog
        self.thread: int | None = None
        """The thread of the camera loop. The loop sets it."""
        self.storage: Storage | None = None
        self._error: Exception | None = None
        """Why it is not open."""
        self._lost: Exception | None = None
        """Why it was lost; the loop releases it once the still thread has written everything."""
        self._decided = (
            dataclass_from_json(DecidedOutcome, spec["decided_outcome"]) if spec["decided_outcome"] else None
        )
        """The outcome of captures that the process before this one left unfinished, if the Supervisor knows it."""
        self._refilled_at = 0.0

    def mark_lost(self, error: Exception) -> None:
        """From any thread: the root is gone, its spool has another owner, or its disk hangs. Writing stops."""
        # The first error is the cause; those that follow would only repeat the event.
        if self._lost is None:
            self._lost = error
            kind = "storage.unmounted" if self.reason == "root_missing" else "storage.failed"
            self._reporter.log_event(kind, self.message)
        self._clock.wake()

    @property
    def is_lost(self) -> bool:
        return self._lost is not None

    def ensure_open(self) -> bool:
        """Open and recover the root unless it is open. When that fails, `error` says why."""
        if self.storage:
            return True
        try:
            self._open()
        except (RootMissing, SpoolLocked, OSError) as error:
            self._error = error
            self._reporter.report_state("reconnecting", self.message, self.reason)
            return False
        return True

    @property
    def reason(self) -> str:
        error = self._current_error
        if isinstance(error, RootMissing):
            return "root_missing"
        return disk_reason(error) if isinstance(error, OSError) else "write_error"

    @property
    def message(self) -> str:
        """The error as a sentence."""
        error = self._current_error
        return self.describe_error(error) if isinstance(error, OSError) else str(error)

    @property
    def _current_error(self) -> Exception | None:
        return self._lost or self._error

    def _open(self) -> None:
        spec, decided = self._spec, self._decided
        storage = Storage(spec["root_path"], spec["root"], spec["camera"], watchdog=self._watchdog)
        try:
            recovered = storage.recover(decided, lambda: self._clock.wall_ns() / 1e9)
            # After the recovery, which removes the used ones.
            storage.spool.refill_slots()
            outage = (self.reason, self.message) if self._error else None
            self._sessions.resume(storage.spool, outage, (decided.reason, decided.message) if decided else None)
        except BaseException:
            self._sessions.detach()
            storage.close()
            raise
        # Only when it is applied: if the root does not open, the next try needs it.
        self._sessions.forget_desired()
        # `_decided` concerns the process before this one, so only the first recovery may use it.
        self.storage, self._error, self._decided = storage, None, None
        self._link.send(
            RecoveredReport(
                type="recovered",
                finished=recovered.finished,
                interrupted=recovered.interrupted,
                removed=recovered.removed,
                rejected=recovered.rejected,
            )
        )

    def release_storage(self) -> None:
        """Close a lost root. Called when the still thread has nothing more to write to it."""
        self._error, self._lost = self._lost, None
        self._sessions.detach()
        self.close()

    def close(self) -> None:
        if self.storage:
            self.storage.close()
            self.storage = None

    def refill_slots(self, now: float) -> None:
        """Preallocate slots again that a full disk has used up."""
        if self.storage and now - self._refilled_at > REFILL_S:
            self._refilled_at = now
            try:
                self.storage.spool.refill_slots()
            except OSError as error:
                # Captures go on: slots are needed only on a full disk.
                self._reporter.log_event("storage.failed", self.describe_error(error))

    def describe_error(self, error: OSError) -> str:
        """What is wrong with the disk, and what to do."""
        when_full = "Free some space; captures then continue on their own."
        return describe_disk_error(error, self._spec["root_path"], when_full, "Check the disk.")


class DiskMonitor:
    """The reporting thread calls `check_disk` each second."""

    def __init__(
        self, watchdog: DiskWatchdog, stills: StillQueue, storage_holder: StorageHolder, reporter: Reporter
    ) -> None:
        self._watchdog, self._stills, self._storage_holder, self._reporter = watchdog, stills, storage_holder, reporter

    @property
    def is_blocking(self) -> bool:
        """Whether the disk blocks the camera loop."""
        return self._watchdog.is_blocking(self._storage_holder.thread)

    def check_disk(self) -> None:
        """A hanging disk is not a camera failure. It is reported, and the process waits. The recovery ladder does
        not act, since a process that waits for a disk cannot be killed."""
        is_blocked, storage_holder = self.is_blocking, self._storage_holder
        if (is_blocked or self._stills.is_stuck) and not storage_holder.is_lost:
            source = self._watchdog if is_blocked else self._stills
            # Before the report below, which has the message of this error.
            storage_holder.mark_lost(source.timeout_error())
        if is_blocked:
            self._reporter.report_state("reconnecting", storage_holder.message, storage_holder.reason)
