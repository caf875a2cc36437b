"""The session of the open spool: its file, its changes of state, and the records of them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace

from cameras.runtime.clock import CameraClock
from cameras.spool.records import UsedSettings
from cameras.spool.session_files import SessionFile, State, find_session, load_active_session
from cameras.spool.spool import Spool

REMEMBERED = 100
"""Ended sessions that are remembered: the ingest removes their files, and a late command must not start them again."""


class SessionStore:
    """`lock` guards it, and all that depends on the session. `has_session`, `send_unsent` and `pop_reported` take the
    lock; callers of the others hold it. It is held while the session's file is written durably."""

    def __init__(self, clock: CameraClock) -> None:
        self._clock = clock
        self.lock = threading.RLock()
        self._spool: Spool | None = None
        self.session: SessionFile | None = None
        self._ended: deque[SessionFile] = deque(maxlen=REMEMBERED)
        self._unsent: list[SessionFile] = []
        """Sessions whose last change is saved, and whose records could not be sent yet, in the order of the changes."""
        self.reported: list[str] = []
        """Ids of the records that were sent since the last `pop_reported`."""

    @property
    def spool(self) -> Spool:
        if self._spool is None:
            raise RuntimeError("The session has no spool.")
        return self._spool

    def attach_spool(self, spool: Spool) -> None:
        """Resume the session that the spool holds."""
        self._spool, self.session = spool, load_active_session(spool)

    def detach_spool(self) -> None:
        # The recovery of the spool sends what is unsent.
        self._spool = self.session = None
        self._unsent = []

    def has_session(self, session: str) -> bool:
        with self.lock:
            return self.find(session) is not None

    def find(self, session: str) -> SessionFile | None:
        spool = self.spool
        if self.session and self.session.id == session:
            return self.session
        known = next((ended for ended in self._ended if ended.id == session), None)
        return find_session(spool, session) or known

    def change_state(
        self, session: SessionFile, state: State, reason: str = "", message: str = "", used: UsedSettings | None = None
    ) -> None:
        """The only place where a session changes its state. Its file is durable before its record is sent. After an
        OSError the state is the one of the file."""
        spool, before = self.spool, replace(session, outbox=[*session.outbox])
        session.change_state(state, self._clock.moment(), reason, message, used)
        try:
            session.save(spool)
        except OSError:
            # The command is refused, and the next one must find the session as it was.
            session.restore(before)
            raise
        if session.active:
            self.session = session
        else:
            self._ended.append(session)
            if session is self.session:
                self.session = None
        self._send_unsent(spool, session)

    def save(self, session: SessionFile) -> None:
        """Make a changed session durable, and send its records. OSError."""
        self.reported += session.save_and_send(self.spool)

    def send_unsent(self) -> None:
        """Send the records of a saved change that could not be sent. OSError: the next call tries again."""
        with self.lock:
            if self._unsent:
                self._send_unsent(self.spool, self._unsent[-1])

    def _send_unsent(self, spool: Spool, session: SessionFile) -> None:
        # No later change would send the record of a session that has ended.
        self._unsent = [*(one for one in self._unsent if one is not session), session]
        while self._unsent:
            self.reported += self._unsent[0].send_outbox(spool)
            del self._unsent[0]

    def pop_reported(self) -> list[str]:
        """Ids of the records that were sent since the last call."""
        with self.lock:
            reported, self.reported = self.reported, []
            return reported
