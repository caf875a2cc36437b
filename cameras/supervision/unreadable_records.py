"""Records of spools that could not be read, and for how long the others have waited for them."""

from __future__ import annotations

from collections.abc import Iterable

SpoolKey = tuple[str, str, str]
"""Root's path, camera's id and part: tells a spool from all others of this host."""


class UnreadableRecords:
    """Only one thread may use it. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._since: dict[SpoolKey, dict[str, float]] = {}
        self._waiting: dict[SpoolKey, dict[str, float]] = {}
        """Of the spools with an unreadable record: since when each of their records waits."""

    def are_in(self, spool: SpoolKey) -> bool:
        return spool in self._since

    def note_waiting(self, spool: SpoolKey, records: Iterable[str], now: float) -> None:
        """All records that are in the spool while one of them cannot be read."""
        before = self._waiting.get(spool, {})
        self._waiting[spool] = {record: before.get(record, now) for record in records}

    def add(self, spool: SpoolKey, record: str, now: float) -> float:
        """The seconds since it could not be read for the first time. Those for which it was not tried, because it
        waited for another one, count: else the delays of several such records would add up."""
        since = self._waiting.get(spool, {}).get(record, now)
        return now - self._since.setdefault(spool, {}).setdefault(record, since)

    def remove(self, spool: SpoolKey, record: str) -> None:
        """One that was read, or is gone; nothing happens if it was never added."""
        records = self._since.get(spool, {})
        records.pop(record, None)
        if not records:
            self._since.pop(spool, None)
            self._waiting.pop(spool, None)
