"""An INDI server, to which one connection is kept open. Django-free."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from cameras.telescope_status.indi.connection import Disconnected, IndiConnection
from cameras.telescope_status.indi.messages import get_properties
from cameras.telescope_status.indi.session import IndiSession, Wanted
from cameras.telescope_status.sources import StatusError
from core.outgoing import OutgoingGuard

IDLE_S = 60.0
"""A connection that was not read for longer is replaced: reading all that waits in it would take longer."""
PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0)
"""After the first, second, ... failed read in a row, until the next attempt."""
LISTING_S, LISTING_QUIET_S = 1.0, 0.3
"""How long a server may take to name its devices, and to be silent meanwhile."""
LISTED_FOR_S = 30.0
MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    guard: OutgoingGuard
    """Checks the address at each connection."""
    answer_s: float
    """How long the server and its devices may take to answer."""

    def connect(self, until: float) -> IndiConnection:
        return IndiConnection(self.host, self.port, self.guard, until)


class IndiClient:
    """The session with a server, replaced when it fails. `until` are times of `time.monotonic()`."""

    def __init__(self, server: Server, wanted: Wanted, names: Collection[str]) -> None:
        self._server, self._wanted, self._names = server, wanted, names
        self._session: IndiSession | None = None
        self._is_new, self._last_read = True, 0.0
        self._failures, self._retry_at, self._failure = 0, 0.0, ""
        self._listed_at, self._listed = 0.0, list[str]()

    def read(self, until: float, also: Collection[tuple[str, str]] = ()) -> IndiSession:
        """The session, after its devices have answered. StatusError if nothing answers within `answer_s`; after several
        failures also at once, until the next attempt is due."""
        now = time.monotonic()
        if now < self._retry_at:
            raise StatusError(self._failure)
        if now - self._last_read > IDLE_S:
            self.close()
        try:
            session = self._read_session(until, also)
        except StatusError as error:
            self.close()
            self._count_failure(str(error))
            raise
        self._failures, self._last_read = 0, time.monotonic()
        return session

    def list_devices(self, until: float) -> list[str]:
        """The names of the server's devices, at most 30 s old. StatusError."""
        now = time.monotonic()
        if not self._listed or now - self._listed_at > LISTED_FOR_S:
            self._listed_at, self._listed = now, self._query_devices(until)
        return self._listed

    def close(self) -> None:
        """Idempotent. The next read connects again."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _read_session(self, until: float, also: Collection[tuple[str, str]]) -> IndiSession:
        answer_until = min(until, time.monotonic() + self._server.answer_s)
        session = self._session or self._connect(answer_until)
        had_answers = session.has_answers
        try:
            has_answered = session.read(answer_until, also)
        except Disconnected:
            if self._is_new:
                raise
            # The server may have been restarted since the last read.
            self.close()
            return self._read_session(until, also)
        # If no device has ever answered, the server may work and have other devices.
        if not has_answered and (had_answers or not self.list_devices(until)):
            raise StatusError(f"{session.server} has not answered in time. Check that it and its drivers run.")
        self._is_new = False
        return session

    def _connect(self, until: float) -> IndiSession:
        self._session = IndiSession(self._server.connect(until), self._wanted, self._names)
        self._is_new = True
        return self._session

    def _count_failure(self, sentence: str) -> None:
        pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._failures += 1
        self._retry_at, self._failure = time.monotonic() + pause_s, sentence

    def _query_devices(self, until: float) -> list[str]:
        """On a connection of its own: a request for all devices is a subscription to all that they report."""
        until = min(until, time.monotonic() + LISTING_S)
        found: dict[str, None] = {}
        with self._server.connect(until) as connection:
            connection.send(get_properties(), until)
            while time.monotonic() < until and len(found) < MAX_LISTED:
                messages = connection.receive(min(until, time.monotonic() + LISTING_QUIET_S))
                if messages is None:
                    break
                found |= {message.device: None for message in messages if message.device}
        return sorted(found)[:MAX_LISTED]
