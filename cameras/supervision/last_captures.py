"""How the last capture of each camera of this host ended."""

from __future__ import annotations

from collections.abc import Collection

from cameras.runtime.messages import LastCapture
from cameras.spool.moments import iso, seconds_of
from cameras.spool.records import CaptureRecord
from cameras.tables import LAST_CAPTURES
from core.registry import resolve


class LastCaptures:
    """Read from the database when a camera comes to this host, then kept up to date by the ingest. Only the database
    thread changes it; the captures are replaced whole, so any thread may read them."""

    def __init__(self) -> None:
        self._captures: dict[str, LastCapture] = {}
        self._read: frozenset[str] = frozenset()

    def find(self, camera: str) -> LastCapture | None:
        """None for a camera without one. It may be from an earlier process or Supervisor."""
        return self._captures.get(camera)

    def read_new(self, cameras: Collection[str]) -> None:
        """Read those of the host's cameras that it did not have at the last call. Raises DatabaseError."""
        new = [camera for camera in cameras if camera not in self._read]
        for camera, last in resolve(LAST_CAPTURES["captures"])(new).items():
            self._note(camera, last)
        # Without those that moved away: when they are back, another host may have taken their last capture.
        self._read = frozenset(cameras)

    def note(self, camera: str, record: CaptureRecord) -> None:
        """Note the capture of an ingested record. An older one replaces no newer one."""
        body = record["body"]
        # Records of older versions have other digits, by which the newest could not be found.
        at = iso(seconds_of(body["ended"]))
        self._note(camera, LastCapture(id=record["id"], status=body["outcome"], reason=body["reason"], at=at))

    def _note(self, camera: str, last: LastCapture) -> None:
        known = self._captures.get(camera)
        if known is None or known["at"] <= last["at"]:
            self._captures = {**self._captures, camera: last}
