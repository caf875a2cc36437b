"""What the spools of a station hold, and whether it agrees with archive and database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.harness.stations.database import StationDatabase
from tests.harness.waiting import eventually

IDLE_PREFIXES = ("slot-", ".lock", "agenda.state", "rejected", "clips")


class StationSpools:
    """`run` runs Python with the station's environment and returns its output."""

    def __init__(self, root: Callable[[], Path], database: StationDatabase, run: Callable[..., str]) -> None:
        self.root, self.database, self.run = root, database, run

    def files(self) -> list[str]:
        """Names of files that should be gone once all is settled."""
        found = [path for spool in ("*/*", "*/clips/*") for path in (self.root() / ".spool").glob(spool)]
        return [path.name for path in found if not is_idle_file(path)]

    def settled(self) -> bool:
        """Whether each capture has its outcome, and the spools are empty."""
        return not self.database.count("captures_capture WHERE status = 'planned'") and not self.files()

    def eventually_settled(self) -> None:
        eventually(self.settled, lambda: f"all is settled: {self.files()}")

    def inconsistencies(self) -> list[str]:
        """See `tests.harness.rows.archive.inconsistencies`."""
        return list(json.loads(self.run("-m", "tests.harness.rows.check_consistency")))


def is_idle_file(path: Path) -> bool:
    """Whether a file may stay in a spool while nothing is under way."""
    return path.name.startswith(IDLE_PREFIXES)
