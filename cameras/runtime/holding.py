"""The storage root, held while it is there, opened again when it is back."""

from __future__ import annotations

from dataclasses import asdict

from cameras.runtime.programmes import SessionBusy, SessionRunner
from cameras.runtime.recovery import Verdict
from cameras.runtime.report import Report
from cameras.runtime.sessions import SessionOrder
from cameras.runtime.spec import Spec
from cameras.runtime.spool import Spool, is_out_of_space
from cameras.runtime.storage import RootMissing, SpoolTaken, Storage
from cameras.runtime.watch import DiskWatch
from core.dataclass_json import dataclass_from_json

REFILL_S = 10.0


class Holding:
    def __init__(self, spec: Spec, runner: SessionRunner, report: Report, watch: DiskWatch) -> None:
        self.spec, self.runner, self.report, self.watch = spec, runner, report, watch
        self.storage: Storage | None = None
        self.trouble: Exception | None = None
        self._lost: Exception | None = None
        self._refilled_at = 0.0

    def lose(self, error: Exception) -> None:
        """From any thread: the root went away, or its spool to another owner, or its disk hangs. Nothing more may be
        written."""
        if self._lost is None:
            self._lost = error
            self.report.log("storage.unmounted" if self.reason == "root_missing" else "storage.failed", self.why)

    @property
    def lost(self) -> bool:
        return self._lost is not None

    def ready(self) -> bool:
        """Held, or opened and recovered now. When not, `trouble` says why."""
        if self.storage:
            return True
        try:
            self._open()
        except (RootMissing, SpoolTaken, OSError) as error:
            self.trouble = error
            self.report.observe("reconnecting", self.why, self.reason)
            return False
        return True

    @property
    def reason(self) -> str:
        return "root_missing" if isinstance(self._wrong, RootMissing) else "write_error"

    @property
    def why(self) -> str:
        """The trouble as a sentence."""
        return self.sentence(self._wrong) if isinstance(self._wrong, OSError) else str(self._wrong)

    @property
    def _wrong(self) -> Exception | None:
        return self._lost or self.trouble

    def _open(self) -> None:
        storage = Storage(self.spec["root_path"], self.spec["root"], self.spec["camera"], watch=self.watch)
        try:
            verdict = self.spec["verdict"]
            recovered = storage.recover(dataclass_from_json(Verdict, verdict) if verdict else None)
            storage.spool.refill_slots()
            self._resume(storage.spool)
        except BaseException:
            storage.close()
            raise
        self.spec["verdict"] = self.spec["session"] = None
        self.storage, self.trouble = storage, None
        self.report.link.send("recovered", **asdict(recovered))

    def _resume(self, spool: Spool) -> None:
        """The session of the spool, then the wish."""
        self.runner.attach(spool)
        verdict = self.spec["verdict"]
        if self.trouble:
            self.runner.note_outage(self.reason, self.why)
        elif verdict and self.runner.session:
            self.runner.note_outage(verdict["reason"], verdict["message"])
        if self.spec["session"]:
            self._follow(self.spec["session"])

    def _follow(self, wished: SessionOrder) -> None:
        """The database allows one session, and ids rise with time: of two, the older one is over there. Either the
        spool's was ended while we were away, or the wish was read before the spool's began."""
        try:
            self.runner.order(wished)
        except SessionBusy as error:
            self.report.log("session.held", str(error))
            if wished["id"] > error.session:
                self.runner.fail("interrupted", "The database wished for another session.")
                self.runner.order(wished)

    def wish(self, session: SessionOrder) -> None:
        """A session's order that came while nothing can be written: followed as soon as it can."""
        self.spec["session"] = session

    def release(self) -> None:
        """Let go of a root that was lost; the still thread has nothing more to write on it."""
        self.trouble, self._lost = self._lost, None
        self.runner.detach()
        self.close()

    def close(self) -> None:
        if self.storage:
            self.storage.close()
            self.storage = None

    def refill(self, now: float) -> None:
        """Bring the slots back to their number when a full disk has used some up."""
        if self.storage and now - self._refilled_at > REFILL_S:
            self._refilled_at = now
            try:
                self.storage.spool.refill_slots()
            except OSError as error:
                self.report.log("storage.failed", self.sentence(error))

    def sentence(self, error: OSError) -> str:
        """What is wrong with the disk and what to do."""
        path = self.spec["root_path"]
        if is_out_of_space(error):
            return f"The disk of {path} is full. Free some space; captures go on by themselves then."
        return f"Writing to {path} failed: {error.strerror}. Look at the disk."


def disk_reason(error: OSError) -> str:
    return "disk_full" if is_out_of_space(error) else "write_error"
