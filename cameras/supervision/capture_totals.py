"""How many captures of each camera of this host had which outcome."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cameras.status.messages import CaptureCounts
from cameras.tables import CAPTURE_TOTALS
from core.registry import resolve


class CaptureTotals:
    """Read from the database with the desired states. Only the database thread changes it; the totals are replaced
    whole, so any thread may read them, and keeps the last ones while the database is away."""

    def __init__(self) -> None:
        self._totals: Mapping[str, CaptureCounts] = {}

    def find(self, camera: str) -> CaptureCounts | None:
        """None for a camera that was not read yet."""
        return self._totals.get(camera)

    def read(self, cameras: Collection[str]) -> None:
        """Raises DatabaseError."""
        self._totals = resolve(CAPTURE_TOTALS["captures"])(cameras)
