"""Limits how many WebSockets one user has open at this web process."""

from __future__ import annotations

from collections import Counter

from core.limits.refusals import count_refusal

TOO_MANY = 4429


class OpenSockets:
    """One in each event loop."""

    def __init__(self) -> None:
        self._places: dict[object, tuple[str, bool]] = {}
        """Socket -> its user, and whether it is an additional one."""
        self._counts: Counter[tuple[str, bool]] = Counter()

    def add_socket(self, socket: object, user: str, limit: int, additional: int = 0) -> tuple[int, str] | None:
        """None, or the code and the reason with which the socket is closed. `additional`: how many sockets of its kind
        a user may have beside the `limit`."""
        is_additional = self._counts[user, True] < additional
        if not is_additional and self._counts[user, False] >= limit:
            count_refusal("sockets of a user")
            most = limit + additional
            return TOO_MANY, f"One user may have {most} sockets at a time, and you have reached that. Close a page."
        self._places[socket] = user, is_additional
        self._counts[user, is_additional] += 1
        return None

    def remove_socket(self, socket: object) -> None:
        place = self._places.pop(socket, None)
        if place is not None:
            self._counts[place] -= 1
            self._counts += Counter()  # drops users without sockets: a Counter keeps counts of 0
