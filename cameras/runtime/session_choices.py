"""What a session that chooses its exposures has chosen. Other sessions have no choices."""

from __future__ import annotations

from cameras.programmes.choosing import Choice, Chooser, Wait
from cameras.programmes.cycle import kind_of
from cameras.runtime.clock import CameraClock
from cameras.spool.moments import Moment
from cameras.spool.session_files import SessionFile
from cameras.spool.spool import Spool


class SessionChoices:
    """Its caller holds a lock."""

    def __init__(self, clock: CameraClock) -> None:
        self._clock = clock
        self._session = ""
        self._chooser: Chooser | None = None
        self._choice: Choice | None = None
        self.bad_weather = False

    def choose(self, spool: Spool, session: SessionFile) -> Choice | None:
        """None for a session that does not choose. OSError of the disk."""
        if not kind_of(session.programme).chooses:
            self.forget()
            return None
        chooser = self._chooser_of(spool, session)
        self._choice = chooser.choose(session.planned, self._clock.moment(), bad_weather=self.bad_weather)
        return self._choice

    def could_choose(self, spool: Spool, session: SessionFile, begin: Moment, end: Moment) -> bool:
        """Whether a session that chooses had something to expose in this time. OSError of the disk."""
        return self._chooser_of(spool, session).could_choose(begin, end)

    def _chooser_of(self, spool: Spool, session: SessionFile) -> Chooser:
        if self._chooser is None or self._session != session.id:
            self._chooser, self._session = kind_of(session.programme).open_chooser(spool, session), session.id
        return self._chooser

    def confirm(self, index: int) -> None:
        """The plan of the exposure that was chosen for `index` is on the disk."""
        if self._chooser is not None:
            self._chooser.confirm(index)

    @property
    def wait(self) -> Wait | None:
        """Why nothing is exposed now; None if something is, and for a session that does not choose."""
        return self._choice if isinstance(self._choice, Wait) else None

    def forget(self) -> None:
        self._chooser, self._session, self._choice = None, "", None
