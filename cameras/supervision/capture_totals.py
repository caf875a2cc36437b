"""How many captures of each camera of this host had which outcome."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cameras.status.messages import CaptureCounts
from cameras.tables import CAPTURE_TOTALS
from core.changes.gate import ChangeGate
from core.registry import resolve

READ_S = 2.0


class CaptureTotals:
    """Read from the database when captures of any host were stored, but apart from the desired states and more seldom:
    the captures of one host are no reason for all others to read theirs. Only the database thread changes it; the
    totals are replaced whole, so any thread may read them, and keeps the last ones while the database is away."""

    def __init__(self) -> None:
        self._totals: Mapping[str, CaptureCounts] = {}
        self._gate, self._looked_at = ChangeGate(), float("-inf")

    def find(self, camera: str) -> CaptureCounts | None:
        """None for a camera that was not read yet."""
        return self._totals.get(camera)

    def read_if_due(self, cameras: Collection[str], now: float) -> None:
        """Each READ_S, and at once for a new camera. `now` is in time.monotonic(). Raises DatabaseError."""
        if set(cameras) - self._totals.keys():
            self._gate.call_now(lambda: self._read(cameras))
        elif now - self._looked_at >= READ_S:
            self._gate.call(lambda: self._read(cameras))
        else:
            return
        self._looked_at = now

    def _read(self, cameras: Collection[str]) -> None:
        self._totals = resolve(CAPTURE_TOTALS["captures"])(cameras)
