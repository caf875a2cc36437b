"""SIGKILL at random moments: the time to recover and the outcomes of the captures, as tables."""

from __future__ import annotations

import os
import platform
import random
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.kills.client import Client
from tests.harness.kills.faults import kill
from tests.harness.stations.station import Station

PROMISED_S = {"camera": 2.0, "web": 5.0, "valkey": 5.0, "worker": 10.0, "cameras": 10.0, "launcher": 10.0, "all": 10.0}
"""docs/contracts: from the end of a part, or from `skycam up` if the launcher was killed."""


@dataclass
class KillTest:
    """A station with a session and a client, and the recovery times of its kills."""

    station: Station
    client: Client
    chance: random.Random = field(default_factory=lambda: random.Random(2))
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def kill(self, target: str) -> float:
        """Seconds until a capture requested after the kill was acknowledged."""
        self.client.wait_for_saves(more=self.chance.randint(5, 15))
        recovery_s = self.client.recovery_s(lambda: kill(self.station, target))
        self.times[target].append(recovery_s)
        return recovery_s

    def stop_session(self) -> None:
        """Stop the session, and wait until every capture has its outcome."""
        self.client.stop()
        assert self.station.api.post("cameras/simulated/stop/").status == 200
        self.station.spools.eventually_settled()

    def outcomes(self) -> list[tuple[str, str, int]]:
        question = "SELECT status, reason, count(*) FROM captures_capture GROUP BY status, reason ORDER BY 3 DESC"
        gaps = "SELECT 'skipped (gap)', reason, sum(count) FROM captures_sessiongap GROUP BY reason"
        return [
            (status, reason, number)
            for status, reason, number in self.station.database.rows(question) + self.station.database.rows(gaps)
        ]

    def summary(self) -> str:
        return "\n".join(
            [*_heading(sum(map(len, self.times.values()))), *_kills(self.times), "", *_outcomes(self.outcomes())]
        )

    def write(self, path: Path) -> None:
        path.write_text(f"# Kills of a whole station\n\n{self.summary()}\n")


def _heading(kills: int) -> Iterator[str]:
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[2]:.1f}"
    yield (
        f"{kills} times SIGKILL at random moments while a session runs and a program captures in a loop; {machine}. "
        "Times are from the kill to the first capture that was requested after it and acknowledged; for launcher and "
        "all, from the `skycam up` after the kill. `make prove` writes this page."
    )
    yield ""


def _kills(times: dict[str, list[float]]) -> Iterator[str]:
    yield "| killed | times | median s | longest s | promised s |"
    yield "|---|---|---|---|---|"
    for target in sorted(times):
        found, promised = times[target], PROMISED_S[target]
        yield f"| {target} | {len(found)} | {statistics.median(found):.1f} | {max(found):.1f} | {promised:.0f} |"


def _outcomes(found: Iterable[tuple[str, str, int]]) -> Iterator[str]:
    yield "| outcome | reason | captures |"
    yield "|---|---|---|"
    for status, reason, number in found:
        yield f"| {status} | {reason} | {number} |"
