"""Two camera hosts that share a database and a broker, on one machine, and whose parts are killed at random."""

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
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from skycam_project.launch import LaunchError
from tests.captures.recording.clips import numbers
from tests.faults.outside_broker import Broker
from tests.faults.station import AWAY, FaultStation
from tests.postgresql import postgresql
from tests.skycam_project.stations import eventually

RECORDED = ("east", "west")
SETTINGS = {"scene": "chart", "width": 320, "height": 240}
CLIPS = (
    "SELECT path, ended_at FROM captures_clip JOIN cameras_camera ON camera_id = cameras_camera.id WHERE slug = ? "
    "ORDER BY started_at"
)
OUTCOMES = "SELECT status, reason, count(*) FROM captures_capture GROUP BY status, reason ORDER BY 3 DESC"
GAPS = "SELECT 'skipped (gap)', reason, sum(count) FROM captures_sessiongap GROUP BY reason"
OF_PARTS = {
    "web": 2, "jobs": 1, "worker of alpha": 2, "worker of bravo": 2, "camera east": 3, "camera west": 3,
    "camera north": 3,
}  # fmt: skip
OF_BROKER = {"broker": 3, "broker, five times": 1, "broker hangs": 1}
"""What is done -> how often, in proportion."""
PAUSE_S, AWAY_S, HANGS_S = (0.3, 3.0), (0.0, 2.0), (1.0, 4.0)
LOOP_S = 1.0
BLINK = timedelta(seconds=0.2)
"""A frame that was being exposed when its process was killed may end after that."""


class Host(FaultStation):
    """The parts of one host; their database is PostgreSQL."""

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.environment["DATABASE_URL"]) as database:
            found = database.execute(question.replace("?", "%s").encode(), values).fetchall()
        return [tuple(str(value) if isinstance(value, UUID) else value for value in row) for row in found]


@dataclass
class Life:
    """Of a camera, from one opening to the next: the numbers of its recorded frames, and when the last clip ended."""

    numbers: list[int | None]
    ended: datetime

    def goes_on_with(self, seen: list[int | None]) -> bool:
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

    alpha: Host
    bravo: Host
    broker: Broker
    chance: random.Random = field(default_factory=lambda: random.Random(9))
    kills: list[tuple[str, datetime]] = field(default_factory=list)
    lasted_s: float = 0.0

    @property
    def host_of(self) -> dict[str, Host]:
        return {"east": self.alpha, "west": self.bravo, "north": self.bravo}

    def begin(self) -> None:
        for slug, host in (("east", "alpha"), ("west", "bravo"), ("north", "bravo")):
            added = self.alpha.post("cameras/", {"slug": slug, "kind": "simulated", "host": host, "settings": SETTINGS})
            assert added.status == 201, added
            self.alpha.eventually_ready(slug, within_s=60)
        for slug in RECORDED:
            answer = self.alpha.post(f"cameras/{slug}/record/", {"kind": "manual"})
            assert answer.body["recorder"]["state"] == "recording", answer
        self.alpha.start_session("north", cadence_s=0.5)

    # Faults

    def kill_for(self, seconds: float) -> None:
        began = time.monotonic()
        faults = OF_PARTS | OF_BROKER
        while time.monotonic() - began < seconds:
            time.sleep(self.chance.uniform(*PAUSE_S))
            [what] = self.chance.choices(list(faults), list(faults.values()))
            self._hurt_broker(what) if what in OF_BROKER else self._kill(what)
        self.lasted_s = time.monotonic() - began

    def _kill(self, what: str) -> None:
        """Nothing while it is not running: it was killed just before."""
        with suppress(LaunchError, ProcessLookupError, KeyError, TypeError):
            pid = self._pid(what)
            at = datetime.now(UTC)
            os.kill(pid, signal.SIGKILL)
            self.kills.append((what, at))

    def _pid(self, what: str) -> int:
        part, _, of = what.partition(" ")
        if part == "camera":
            return self.host_of[of].camera_pids()[of]
        return (self.bravo if of == "of bravo" else self.alpha).pids()[part]

    def _hurt_broker(self, what: str) -> None:
        self.kills.append((what, datetime.now(UTC)))
        if what == "broker hangs":
            with self.alpha.stopped(self.broker.process.pid):
                time.sleep(self.chance.uniform(*HANGS_S))
            return
        for _ in range(5 if what == "broker, five times" else 1):
            with self.broker.gone():
                time.sleep(self.chance.uniform(*AWAY_S))
            time.sleep(LOOP_S)

    # What became of it

    def end(self) -> None:
        """Everything is stopped, and settled on both hosts."""
        for path in ("east/stop-recording", "west/stop-recording", "north/stop"):
            eventually(lambda path=path: self._is_stopped(path), 180, path)
        eventually(self._is_settled, 180, f"all is settled: {self.alpha.spooled()} {self.bravo.spooled()}")

    def _is_stopped(self, path: str) -> bool:
        with suppress(*AWAY):
            return self.alpha.post(f"cameras/{path}/").status == 200
        return False

    def _is_settled(self) -> bool:
        running = self.alpha.count("captures_session WHERE state IN ('planned', 'running', 'paused')")
        return not running and self.alpha.settled() and not self.bravo.spooled()

    def lives(self, slug: str) -> list[Life]:
        """A new one begins where the numbers begin anew."""
        root = self.host_of[slug].config.storage_root
        found: list[Life] = []
        for path, ended in self.alpha.rows(CLIPS, slug):
            seen = numbers([root / path])
            if not found or not found[-1].goes_on_with(seen):
                found.append(Life([], ended))
            found[-1].numbers += seen
            found[-1].ended = ended
        return found

    def wrong_frames(self) -> list[str]:
        """Frames that a living process recorded and that no clip has, or has twice or unreadable."""
        return [
            f"{slug}, until {life.ended:%H:%M:%S}: {wrong}"
            for slug in RECORDED
            for life in self.lives(slug)
            for wrong in life.inconsistencies()
        ]

    def lost_s(self) -> list[float]:
        """Of each life that a kill ended: seconds from the end of its last clip to that kill."""
        found = []
        for slug in RECORDED:
            ends = {f"camera {slug}", "worker of alpha" if slug == "east" else "worker of bravo"}
            for life in self.lives(slug)[:-1]:
                killed = min(at for what, at in self.kills if what in ends and at > life.ended - BLINK)
                found.append((killed - life.ended).total_seconds())
        return found

    def summary(self) -> str:
        return "\n".join(_table(self))


def _table(hosts: TwoHosts) -> Iterator[str]:
    lives, lost = [life for slug in RECORDED for life in hosts.lives(slug)], hosts.lost_s()
    frames = sum(len(life.numbers) for life in lives)
    yield (
        f"{len(hosts.kills)} faults at random moments in {hosts.lasted_s:.0f} s; Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[2]:.1f}. The two cameras that record gave {frames} frames in "
        f"{len(lives)} lives of their processes, none of which lacks a frame between its first and its last; before a "
        f"kill at most {max(lost, default=0.0):.2f} s are missing. `make prove` writes this page."
    )
    yield from ("", "| killed | times |", "|---|---|")
    for what, times in sorted(Counter(what for what, _ in hosts.kills).items()):
        yield f"| {what} | {times} |"
    yield from ("", "| outcome | reason | captures |", "|---|---|---|")
    for status, reason, number in hosts.alpha.rows(OUTCOMES) + hosts.alpha.rows(GAPS):
        yield f"| {status} | {reason} | {number} |"


@contextmanager
def two_hosts(folder: Path) -> Iterator[TwoHosts]:
    """Both run, and nothing is asked of them yet."""
    for name in ("broker", "alpha", "bravo"):
        (folder / name).mkdir()
    broker = Broker(folder / "broker")
    with postgresql() as database:
        shared = {
            "DATABASE_URL": database, "REDIS_URL": f"unix://{broker.socket}", "SKYCAM_STATION": "lab",
            "CAMERA_CONFIG__RECORDING_DURATION_MINUTES": "0.1",
        }  # fmt: skip
        alpha = Host(folder / "alpha" / "data", SKYCAM_HOST="alpha", **shared)
        bravo = Host(folder / "bravo" / "data", SKYCAM_HOST="bravo", **shared)
        try:
            alpha.up().sign_in()
            bravo.start(only="worker")
            yield TwoHosts(alpha, bravo, broker)
        finally:
            alpha.ensure_stopped()
            bravo.ensure_stopped()
            broker.kill()
