"""Sessions whose end is in the database: no process may start them again."""

from __future__ import annotations

from collections.abc import Container

REMEMBERED = 1000


class EndedSessions(Container[str]):
    """The last REMEMBERED ended sessions. Only the database thread adds; the value is replaced whole, so any thread may
    read it."""

    def __init__(self) -> None:
        self._sessions: tuple[str, ...] = ()

    def add(self, session: str) -> None:
        """Call it before the session's file is removed from the spool."""
        self._sessions = (*self._sessions[1 - REMEMBERED :], session)

    def __contains__(self, session: object) -> bool:
        return session in self._sessions
