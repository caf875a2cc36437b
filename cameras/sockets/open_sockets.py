"""Limits how many WebSockets one user has open at this web process."""

from __future__ import annotations

from collections import Counter

from core.limits.refusals import count_refusal

TOO_MANY = 4429


class OpenSockets:
    """One in each event loop."""

    def __init__(self) -> None:
        self._users: dict[object, str] = {}
        self._counts: Counter[str] = Counter()

    def add_socket(self, socket: object, user: str, limit: int) -> tuple[int, str] | None:
        """None, or the code and the reason with which the socket is closed."""
        if self._counts[user] >= limit:
            count_refusal("sockets of a user")
            return TOO_MANY, f"One user may have {limit} sockets at a time, and you have reached that. Close a page."
        self._users[socket] = user
        self._counts[user] += 1
        return None

    def remove_socket(self, socket: object) -> None:
        user = self._users.pop(socket, None)
        if user is not None:
            self._counts[user] -= 1
            self._counts += Counter()  # drops users without sockets: a Counter keeps counts of 0
