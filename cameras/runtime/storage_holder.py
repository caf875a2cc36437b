"""Holds the storage root open, and opens it again when it is back."""

from __future__ import annotations

from cameras.runtime.clock import CameraClock
from cameras.runtime.link import ReportSink
from cameras.runtime.messages import RecoveredReport
from cameras.runtime.reporter import Reporter
from cameras.runtime.session_resumption import SessionResumption
from cameras.runtime.spec import Spec
from cameras.spool.recovery import DecidedOutcome
from cameras.spool.spool import is_out_of_space
from cameras.spool.storage import RootMissing, SpoolLocked, Storage
from core.dataclass_json import dataclass_from_json
from core.watchdog import DiskWatchdog

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
        path = self._spec["root_path"]
        if is_out_of_space(error):
            return f"The disk of {path} is full. Free some space; captures then continue on their own."
        return f"Writing to {path} failed: {error.strerror}. Check the disk."


def disk_reason(error: OSError) -> str:
    return "disk_full" if is_out_of_space(error) else "write_error"
