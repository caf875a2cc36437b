"""What the spools of a station hold, and whether it agrees with archive and database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.harness.waiting import eventually

if TYPE_CHECKING:
    from tests.harness.stations.station import Station

IDLE_PREFIXES = ("slot-", ".lock", "rejected", "clips")


class StationSpools:
    def __init__(self, station: Station) -> None:
        self.station = station

    def files(self) -> list[str]:
        """Names of files that should be gone once all is settled."""
        root = self.station.config.storage_root / ".spool"
        return [path.name for spool in ("*/*", "*/clips/*") for path in root.glob(spool) if not is_idle_file(path)]

    def settled(self) -> bool:
        """Whether each capture has its outcome, and the spools are empty."""
        return not self.station.database.count("captures_capture WHERE status = 'planned'") and not self.files()

    def eventually_settled(self, within_s: float = 60) -> None:
        eventually(self.settled, within_s, "all is settled")

    def inconsistencies(self) -> list[str]:
        """See `tests.harness.rows.archive.inconsistencies`; found by a process with this station's environment."""
        return list(json.loads(self.station.run("-m", "tests.harness.stations.check_consistency")))


def is_idle_file(path: Path) -> bool:
    """Whether a file may stay in a spool while nothing is under way."""
    return path.name.startswith(IDLE_PREFIXES)
