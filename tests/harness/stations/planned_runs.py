"""A planned run of a station whose agenda is in the spool of its camera, and what became of its captures."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import uuid6

from core.times.timestamps import stamp
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

ENDED = frozenset({"finished", "stopped"})


@dataclass(frozen=True, slots=True)
class Loss:
    """A capture without a picture; `kind` is `failed` or `gap`."""

    index: int
    kind: str
    reason: str


class StationRun:
    """A run of the simulated camera: `starts` captures, one each `cadence_s` seconds. It begins by itself.

    It is held by `admin`, who may also set the faults of the camera."""

    def __init__(self, station: Station, begins_in_s: float, cadence_s: float, starts: int) -> None:
        self.station, self.id = station, str(uuid6.uuid7())
        self.cadence_s, self.starts = cadence_s, starts
        self.begin = datetime.now(UTC) + timedelta(seconds=begins_in_s)
        self.end = self.begin + timedelta(seconds=cadence_s * starts)
        [(camera,)] = station.database.rows("SELECT id FROM cameras_camera WHERE slug = 'simulated'")
        station.database.insert("scheduler_plannedrun", {
            "id": self.hex, "camera_id": camera, "name": "night", "created_by": "admin",
            "programme": json.dumps({"exposure_us": 1000, "cadence_s": cadence_s}),
            "windows": json.dumps([[stamp(self.begin), stamp(self.end)]]),
            "part": 0, "on_held": "wait", "begins_at": row_time(self.begin), "ends_at": row_time(self.end),
            "created_at": row_time(self.begin),
        })  # fmt: skip
        eventually(self.is_stored, "the agenda is in the spool")

    @property
    def hex(self) -> str:
        return UUID(self.id).hex

    def is_stored(self) -> bool:
        files = self.station.config.storage_root.glob(".spool/*/agenda.state")
        return any(run["id"] == self.id for file in files for run in json.loads(file.read_bytes())["runs"])

    def wait_until(self, at: datetime) -> None:
        eventually(lambda: datetime.now(UTC) >= at, f"{at}", seconds_until(at))

    def next_index(self) -> int:
        """Of the capture that is due next, the first one before the run begins."""
        return max(0, math.ceil((datetime.now(UTC) - self.begin).total_seconds() / self.cadence_s))

    def start_of(self, index: int) -> datetime:
        """When the capture with this index is due."""
        return self.begin + timedelta(seconds=index * self.cadence_s)

    def state(self) -> str | None:
        found = self.station.database.rows("SELECT state FROM captures_session WHERE id = ?", self.hex)
        return str(found[0][0]) if found else None

    def ledger(self) -> dict[str, Any]:
        columns = ("state", "planned", "saved", "failed", "skipped")
        [row] = self.station.database.rows(f"SELECT {', '.join(columns)} FROM captures_session WHERE id = ?", self.hex)
        return dict(zip(columns, row, strict=True))

    def captures(self) -> list[tuple[int, str, str]]:
        """Index, outcome and reason of each capture that has a row."""
        question = 'SELECT "index", status, reason FROM captures_capture WHERE session_id = ? ORDER BY "index"'
        return [(index, status, reason) for index, status, reason in self.station.database.rows(question, self.hex)]

    def has_saved(self, due: int) -> bool:
        """Whether this capture or a later one is saved."""
        return any(index >= due and status == "saved" for index, status, _ in self.captures())

    def clock_jumps_s(self) -> list[float]:
        """By how much the wall clock was set before each capture that has a row."""
        question = "SELECT clock_jumped_s FROM captures_capture WHERE session_id = ? AND clock_jumped_s IS NOT NULL"
        return [float(jump) for (jump,) in self.station.database.rows(question, self.hex)]

    def gaps(self) -> list[tuple[int, int, str]]:
        """First index, count and reason of each gap."""
        question = "SELECT first_index, count, reason FROM captures_sessiongap WHERE session_id = ?"
        return [(first, count, reason) for first, count, reason in self.station.database.rows(question, self.hex)]

    def losses(self) -> list[Loss]:
        failed = [Loss(index, status, reason) for index, status, reason in self.captures() if status != "saved"]
        gaps = [Loss(first + more, "gap", reason) for first, count, reason in self.gaps() for more in range(count)]
        return sorted([*failed, *gaps], key=lambda loss: loss.index)

    def gap_reasons(self) -> set[str]:
        return {reason for _, _, reason in self.gaps()}

    def stop(self) -> None:
        """Before its end: the captures that are due later are not planned."""
        eventually(lambda: self.station.api.post(f"sessions/{self.id}/stop/").status == 200, "the run is stopped")
        eventually(lambda: self.state() == "stopped", "the run has stopped")

    def eventually_settled(self) -> None:
        """The run has ended, and all of its records are in the database."""
        eventually(lambda: self.state() in ENDED, "the run has ended", seconds_until(self.end))
        self.station.spools.eventually_settled()

    def assert_accounted_for(self) -> dict[str, Any]:
        self.eventually_settled()
        ledger = self.ledger()
        assert ledger["planned"] == self.starts or ledger["state"] == "stopped"
        assert ledger["saved"] + ledger["failed"] + ledger["skipped"] == ledger["planned"]
        assert ledger["skipped"] == sum(count for _, count, _ in self.gaps())
        return ledger


def seconds_until(at: datetime) -> float:
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def row_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"
