"""A shell beside a running station."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S


@dataclass
class Shell:
    """A shell in the folder where the station was started, as in the README."""

    station: Station

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-ec", script], cwd=self.station.data.parent, env=self.station.environment,
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
