"""Who holds the camera when a planned run is due: a session that runs, or the lease of a user."""

from __future__ import annotations

from dataclasses import dataclass

from cameras.runtime.clock import CameraClock
from cameras.runtime.session_runner import SessionRunner
from cameras.runtime.spec import HeldLease
from cameras.spool.agenda import PlannedRun
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
