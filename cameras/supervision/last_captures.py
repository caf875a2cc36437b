"""How the last capture of each camera of this host ended."""

from __future__ import annotations

from collections.abc import Iterable

from cameras.runtime.messages import LastCapture
from cameras.spool.records import CaptureRecord
from cameras.tables import LAST_CAPTURES
from core.registry import resolve


class LastCaptures:
    """Read from the database once for each camera, then kept up to date by the ingest. Only the database thread
    changes it; the captures are replaced whole, so any thread may read them."""

    def __init__(self) -> None:
        self._captures: dict[str, LastCapture] = {}
        self._read: frozenset[str] = frozenset()

    def find(self, camera: str) -> LastCapture | None:
        """None for a camera without one. It may be from an earlier process or Supervisor."""
        return self._captures.get(camera)

    def read_new(self, cameras: Iterable[str]) -> None:
        """Read those of the cameras that were not read before. Raises DatabaseError."""
        new = [camera for camera in cameras if camera not in self._read]
        if new:
            found = resolve(LAST_CAPTURES["captures"])(new)
            self._captures = {**found, **self._captures}
            self._read |= frozenset(new)

    def note(self, camera: str, record: CaptureRecord) -> None:
        """Note the capture of an ingested record. An older one replaces no newer one."""
        body = record["body"]
        last = LastCapture(id=record["id"], status=body["outcome"], reason=body["reason"], at=body["ended"])
        known = self._captures.get(camera)
        if known is None or known["at"] <= last["at"]:
            self._captures = {**self._captures, camera: last}
