"""Two camera hosts on one machine that share a database and a broker; their parts are killed at random."""

from __future__ import annotations

import os
import platform
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from skycam_project.launch import LaunchError
from tests.harness.camera_processes.recorded_clips import numbers
from tests.harness.kills.faults import stopped
from tests.harness.kills.recording_kills import clip_of, frames_in
from tests.harness.postgresql import postgresql
from tests.harness.stations.cameras import hexed
from tests.harness.stations.database import StationDatabase
from tests.harness.stations.http_client import AWAY
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

RECORDED = ("east", "west")
SETTINGS = {"scene": "chart", "width": 320, "height": 240}
CLIPS = (
    "SELECT path, ended_at FROM captures_clip JOIN cameras_camera ON camera_id = cameras_camera.id WHERE slug = ? "
    "ORDER BY started_at"
)
OUTCOMES = "SELECT status, reason, count(*) FROM captures_capture GROUP BY status, reason ORDER BY 3 DESC"
GAPS = "SELECT 'skipped (gap)', reason, sum(count) FROM captures_sessiongap GROUP BY reason"
PART_FAULTS = {
    "web": 2, "jobs": 1, "worker of alpha": 2, "worker of bravo": 2, "camera east": 3, "camera west": 3,
    "camera north": 3,
}  # fmt: skip
BROKER_FAULTS = {"broker": 3, "broker, five times": 1, "broker hangs": 1}
"""Fault -> its relative frequency."""
BETWEEN, GONE, HUNG = (5, 45), (0, 30), (15, 60)
"""The least and most frames that are recorded between two faults, and while the broker is away or hangs."""
BETWEEN_RESTARTS = 15
EXPOSURE_MARGIN = timedelta(seconds=0.2)
"""A frame that was being exposed when its process was killed may end after that."""


class SharedDatabase(StationDatabase):
    """PostgreSQL, for questions alone."""

    def __init__(self, address: str) -> None:
        self.address = address

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.address) as database:
            found = database.execute(question.replace("?", "%s").encode(), values).fetchall()
        return [tuple(str(value) if isinstance(value, UUID) else value for value in row) for row in found]


def host_named(name: str, folder: Path, database: str, **shared: str) -> Station:
    """The parts of one host."""
    own = {"SKYCAM_HOST": name, "DATABASE_URL": database, **ANY_NUMBER_OF_KILLS}
    return Station(folder / name / "data", SharedDatabase(database), **shared, **own)


@dataclass
class ProcessRun:
    """A run of a camera process, from one opening to the next: its recorded frame numbers, and its last clip's end."""

    numbers: list[int | None]
    ended: datetime

    def continues_with(self, seen: list[int | None]) -> bool:
        last, first = self.numbers[-1], seen[0]
        return last is None or first is None or first > last

    def inconsistencies(self) -> list[str]:
        unreadable = self.numbers.count(None)
        known = [number for number in self.numbers if number is not None]
        breaks = [f"{after} follows {before}" for before, after in pairwise(known) if after != before + 1]
        return breaks + ([f"{unreadable} unreadable"] if unreadable else [])


@dataclass
class TwoHosts:
    """`alpha` has web, jobs and the camera `east`; `bravo` a worker alone, with `west` and `north`. `east` and `west`
    record, and on `north` a session runs."""

    alpha: Station
    bravo: Station
    broker: Broker
    chance: random.Random = field(default_factory=lambda: random.Random(9))
    kills: list[tuple[str, datetime]] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)
    """Clip -> the number of its frames that were in the file just before a kill."""
    duration_s: float = 0.0

    @property
    def host_of(self) -> dict[str, Station]:
        return {"east": self.alpha, "west": self.bravo, "north": self.bravo}

    def start_work(self) -> None:
        for slug, host in (("east", "alpha"), ("west", "bravo"), ("north", "bravo")):
            added = self.alpha.api.post(
                "cameras/", {"slug": slug, "kind": "simulated", "host": host, "settings": SETTINGS}
            )
            assert added.status == 201, added
            self.alpha.cameras.eventually_ready(slug)
        for slug in RECORDED:
            answer = self.alpha.api.post(f"cameras/{slug}/record/", {"kind": "manual"})
            assert answer.body["recorder"]["state"] == "recording", answer
        self.alpha.cameras.start_session("north", cadence_s=0.5)

    # Faults

    def disturb(self, times: int) -> None:
        began = time.monotonic()
        faults = PART_FAULTS | BROKER_FAULTS
        for what in self.chance.choices(list(faults), list(faults.values()), k=times):
            self._record(*BETWEEN)
            self._disturb_broker(what) if what in BROKER_FAULTS else self._kill(what)
        self.duration_s = time.monotonic() - began

    def _growing(self) -> dict[Path, int]:
        """File -> frames of each open clip."""
        files = [file for root in self._roots for file in root.glob(".spool/*/clips/*.clip.part")]
        return {file: frames_in(file) for file in files}

    @cached_property
    def _roots(self) -> list[Path]:
        return [host.config.storage_root for host in (self.alpha, self.bravo)]

    def _record(self, least: int, most: int) -> None:
        """Wait until a camera has recorded some more frames, or has ended its clip."""
        frames, before = self.chance.randint(least, most), eventually(self._growing, "a clip is open")

        def has_grown(file: Path) -> bool:
            return not file.exists() or frames_in(file) >= before[file] + frames

        eventually(lambda: any(has_grown(file) for file in before), "frames are recorded")

    def _kill(self, what: str) -> None:
        """Do nothing if it is not running because it was just killed."""
        with suppress(LaunchError, ProcessLookupError, KeyError, TypeError):
            pid = self._pid(what)
            written, at = self._growing(), datetime.now(UTC)
            os.kill(pid, signal.SIGKILL)
            self.written |= {clip_of(file): frames for file, frames in written.items()}
            self.kills.append((what, at))

    def _pid(self, what: str) -> int:
        part, _, of = what.partition(" ")
        if part == "camera":
            return self.host_of[of].cameras.pids()[of]
        return (self.bravo if of == "of bravo" else self.alpha).pid_of_running(part)

    def _disturb_broker(self, what: str) -> None:
        self.kills.append((what, datetime.now(UTC)))
        if what == "broker hangs":
            with stopped(self.broker.process.pid):
                self._record(*HUNG)
            return
        for _ in range(5 if what == "broker, five times" else 1):
            with self.broker.gone():
                self._record(*GONE)
            self._record(BETWEEN_RESTARTS, BETWEEN_RESTARTS)

    # Results

    def stop_and_settle(self) -> None:
        """Stop all recordings and the session, and wait until both hosts have settled."""
        for path in ("east/stop-recording", "west/stop-recording", "north/stop"):
            eventually(lambda path=path: self._is_stopped(path), path, takes_s=120)
        eventually(self._is_settled, lambda: (self.alpha.spools.files(), self.bravo.spools.files()), takes_s=120)

    def _is_stopped(self, path: str) -> bool:
        with suppress(*AWAY):
            return self.alpha.api.post(f"cameras/{path}/").status == 200
        return False

    def _is_settled(self) -> bool:
        running = self.alpha.database.count("captures_session WHERE state IN ('planned', 'running', 'paused')")
        return not running and self.alpha.spools.settled() and not self.bravo.spools.files()

    def process_runs(self, slug: str) -> list[ProcessRun]:
        """A new run begins where the frame numbers start again."""
        root = self.host_of[slug].config.storage_root
        found: list[ProcessRun] = []
        for path, ended in self.alpha.database.rows(CLIPS, slug):
            seen = numbers([root / path])
            if not found or not found[-1].continues_with(seen):
                found.append(ProcessRun([], ended))
            found[-1].numbers += seen
            found[-1].ended = ended
        return found

    def frame_errors(self) -> list[str]:
        """Frames of a running process that are missing in its clips, repeated or unreadable."""
        return [
            f"{slug}, until {run.ended:%H:%M:%S}: {wrong}"
            for slug in RECORDED
            for run in self.process_runs(slug)
            for wrong in run.inconsistencies()
        ]

    def lost_of_written(self) -> list[str]:
        """Clips that lack frames which were in their file just before a kill."""
        rows = self.alpha.database.rows("SELECT id, frames FROM captures_clip")
        frames = {hexed(clip): number for clip, number in rows}
        return [
            f"{clip}: {frames.get(hexed(clip), 0)} of {number} frames"
            for clip, number in self.written.items()
            if frames.get(hexed(clip), 0) < number
        ]

    def lost_s(self) -> list[float]:
        """For each run that a kill of the test ended: seconds from the end of its last clip to the kill."""
        found = []
        for slug in RECORDED:
            ends = {f"camera {slug}", "worker of alpha" if slug == "east" else "worker of bravo"}
            for run in self.process_runs(slug)[:-1]:
                later = [at for what, at in self.kills if what in ends and at > run.ended - EXPOSURE_MARGIN]
                found += [(at - run.ended).total_seconds() for at in later[:1]]
        return found

    def summary(self) -> str:
        return "\n".join(_table(self))


def _table(hosts: TwoHosts) -> Iterator[str]:
    runs, lost = [run for slug in RECORDED for run in hosts.process_runs(slug)], hosts.lost_s()
    frames = sum(len(run.numbers) for run in runs)
    yield (
        f"{len(hosts.kills)} faults at random moments in {hosts.duration_s:.0f} s; Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[2]:.1f}. Two cameras recorded {frames} frames in "
        f"{len(runs)} runs of their processes. No run lacks a frame between its first and its last one; at most "
        f"{max(lost, default=0.0):.2f} s before a kill are missing. `make prove` writes this page."
    )
    yield from ("", "| killed | times |", "|---|---|")
    for what, times in sorted(Counter(what for what, _ in hosts.kills).items()):
        yield f"| {what} | {times} |"
    yield from ("", "| outcome | reason | captures |", "|---|---|---|")
    for status, reason, number in hosts.alpha.database.rows(OUTCOMES) + hosts.alpha.database.rows(GAPS):
        yield f"| {status} | {reason} | {number} |"


@contextmanager
def two_hosts(folder: Path) -> Iterator[TwoHosts]:
    """Both hosts, running and idle."""
    for name in ("broker", "alpha", "bravo"):
        (folder / name).mkdir()
    broker = Broker(folder / "broker")
    with postgresql() as database:
        shared = {
            "REDIS_URL": f"unix://{broker.socket}", "SKYCAM_STATION": "lab",
            "SKYCAM_ADDRESS_SECRET": "of-the-station-" * 3,
            "CAMERA_CONFIG__RECORDING_DURATION_MINUTES": "0.1",
        }  # fmt: skip
        alpha = host_named("alpha", folder, database, **shared)
        bravo = host_named("bravo", folder, database, **shared)
        try:
            alpha.up()
            bravo.start(only="worker")
            yield TwoHosts(alpha, bravo, broker)
        finally:
            alpha.ensure_stopped()
            bravo.ensure_stopped()
            broker.kill()
