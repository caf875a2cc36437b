"""Records of spools that could not be read, and for how long."""

from __future__ import annotations

SpoolKey = tuple[str, str, str]
"""Root's path, camera's id and part: tells a spool from all others of this host."""


class UnreadableRecords:
    """Only one thread may use it."""

    def __init__(self) -> None:
        self._since: dict[SpoolKey, dict[str, float]] = {}

    def are_in(self, spool: SpoolKey) -> bool:
        return spool in self._since

    def add(self, spool: SpoolKey, record: str, now: float) -> float:
        """The seconds since it could not be read for the first time."""
        return now - self._since.setdefault(spool, {}).setdefault(record, now)

    def remove(self, spool: SpoolKey, record: str) -> None:
        """One that was read, or is gone; nothing happens if it was never added."""
        records = self._since.get(spool, {})
        records.pop(record, None)
        if not records:
            self._since.pop(spool, None)
