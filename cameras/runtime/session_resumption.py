"""Resumes the session of a spool that was just opened, and then applies the desired one."""

from __future__ import annotations

from cameras.runtime.agenda_runs import AgendaRuns
from cameras.runtime.reporter import Reporter
from cameras.runtime.session_account import Reason
from cameras.runtime.session_runner import SessionBusy, SessionRunner
from cameras.spool.session_files import DesiredSession
from cameras.spool.spool import Spool


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
