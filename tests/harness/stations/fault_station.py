"""A whole station for fault tests: its launcher in its own process, a client over HTTP, and consistency checks."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from skycam_project.launch import LaunchError
from tests.harness.project import PROJECT
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

PASSWORD = "correct horse battery"
SPOOL_LOCK = re.compile(r"\.spool/([0-9a-f-]{36})/\.lock")
IDLE_PREFIXES = ("slot-", ".lock", "rejected", "clips")
AWAY = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    took_s: float


class FaultStation(Station):
    """Restarts count as healthy at once and no part ends in a crash loop, so that any number of kills can follow."""

    def __init__(self, data: Path, **variables: str) -> None:
        patience = {"SKYCAM_SUPERVISION__HEALTHY_S": "0.2", "SKYCAM_SUPERVISION__CRASH_LOOP_EXITS": "100000"}
        super().__init__(data, **{"SKYCAM_ADMIN_PASSWORD": PASSWORD, **patience, **variables})
        self.token = ""

    # The HTTP client

    def sign_in(self) -> FaultStation:
        answer = self.call("POST", "auth/token/", {"username": "admin", "password": PASSWORD})
        self.token = answer.body["token"]
        return self

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout: float = 60, **headers: str
    ) -> Answer:
        """OSError or HTTPException when the web part is away."""
        headers |= {"Content-Type": "application/json"} | (
            {"Authorization": f"Token {self.token}"} if self.token else {}
        )
        began = time.monotonic()
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request(method, f"/api/v1/{path}", json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
        return Answer(answer.status, json.loads(text or b"{}"), time.monotonic() - began)

    def post(self, path: str, body: dict[str, Any] | None = None, **options: Any) -> Answer:
        return self.call("POST", path, body or {}, **options)

    def get(self, path: str) -> dict[str, Any]:
        return self.call("GET", path).body

    def capture(self, camera: str = "simulated", timeout: float = 60, **settings: Any) -> Answer:
        return self.post(f"cameras/{camera}/capture/", {"exposure_us": 1000, **settings}, timeout=timeout)

    def saved_capture(self, camera: str = "simulated", **settings: Any) -> dict[str, Any]:
        """A capture once it is saved: on a busy machine the first answer may be 202."""
        answer = self.capture(camera, **settings)
        assert answer.status in {201, 202}, answer
        path = f"captures/{answer.body['id']}/"
        return dict(eventually(lambda: (body := self.get(path))["status"] != "planned" and body, 60, "its outcome"))

    def start_session(self, camera: str = "simulated", **programme: Any) -> str:
        body = {"exposure_us": 1000, "f_number": None, **programme}
        answer = self.post(
            f"cameras/{camera}/start/", {name: value for name, value in body.items() if value is not None}
        )
        assert answer.status == 201, answer
        return str(answer.body["id"])

    def eventually_ready(self, camera: str = "simulated", within_s: float = 60) -> None:
        eventually(lambda: self.observed(camera) == "ready", within_s, f"{camera} is ready")

    def observed(self, camera: str = "simulated") -> str | None:
        with suppress(*AWAY):
            return str(self.get(f"cameras/{camera}/status/").get("observed"))
        return None

    # Its processes

    def worker(self) -> psutil.Process:
        return psutil.Process(self.pids()["worker"])

    def camera_pids(self) -> dict[str, int]:
        """Slug -> pid of the process that owns the spool of that camera."""
        slugs = {hexed(identity): slug for identity, slug in self.rows("SELECT id, slug FROM cameras_camera")}
        with suppress(psutil.Error, LaunchError, TypeError):
            owners = {owned_spool(child.pid): child.pid for child in self.worker().children()}
            return {slugs[owned]: pid for owned, pid in owners.items() if owned in slugs}
        return {}

    def camera_pid(self, slug: str = "simulated", other_than: int = 0) -> int:
        def found() -> int:
            pid = self.camera_pids().get(slug, 0)
            return pid if pid != other_than else 0

        return int(eventually(found, 40, f"a process of {slug}"))

    def kill(self, target: str) -> None:
        """SIGKILL to `camera`, a part, `launcher`, or `all` processes at once; SIGSTOP to the worker: `hung worker`."""
        if target == "hung worker":
            os.kill(self.pids()["worker"], signal.SIGSTOP)
        elif target == "launcher":
            self.interrupt(signal.SIGKILL)
        elif target == "all":
            for process in self.processes():
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        else:
            os.kill(self.camera_pid() if target == "camera" else self.pids()[target], signal.SIGKILL)
        if target in {"launcher", "all"}:
            self.status()
            self.start()

    # Consistency

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data / "skycam.sqlite3", timeout=20)) as database:
            return database.execute(question, values).fetchall()

    def execute(self, statement: str, *values: Any) -> None:
        """Write to the database directly, past the station."""
        with closing(sqlite3.connect(self.data / "skycam.sqlite3", timeout=20)) as database, database:
            database.execute(statement, values)

    def count(self, question: str, *values: Any) -> int:
        return int(self.rows(f"SELECT count(*) FROM {question}", *values)[0][0])

    def status_of(self, capture: str) -> tuple[str, str]:
        """Outcome and reason."""
        return self.rows("SELECT status, reason FROM captures_capture WHERE id = ?", capture.replace("-", ""))[0]  # type: ignore[return-value]

    def events(self, kind: str, camera: str = "simulated") -> list[dict[str, Any]]:
        """The data of the camera's events of that kind, oldest first."""
        question = "SELECT data FROM monitoring_event WHERE kind = ? AND camera = ? ORDER BY at, id"
        return [json.loads(data) for (data,) in self.rows(question, kind, camera)]

    def spooled(self) -> list[str]:
        """Files in the spools that should be gone once all is settled."""
        root = self.config.storage_root / ".spool"
        return [path.name for spool in ("*/*", "*/clips/*") for path in root.glob(spool) if not is_idle_file(path)]

    def settled(self) -> bool:
        return not self.count("captures_capture WHERE status = 'planned'") and not self.spooled()

    def eventually_settled(self, within_s: float = 60) -> None:
        eventually(self.settled, within_s, "all is settled")

    def inconsistencies(self) -> list[str]:
        """See `tests.harness.rows.archive.inconsistencies`; checked by a process with this station's environment."""
        return list(json.loads(self.run("-m", "tests.harness.stations.check_consistency")))

    def run(self, *words: str) -> str:
        """Run Python with this station's environment; returns its output."""
        done = subprocess.run(
            [sys.executable, *words], env=self.environment, cwd=PROJECT, capture_output=True, text=True, timeout=110,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    # Faults

    @contextmanager
    def locked_database(self) -> Iterator[None]:
        with closing(sqlite3.connect(self.data / "skycam.sqlite3", timeout=20, isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield
            database.execute("ROLLBACK")

    @contextmanager
    def stopped(self, pid: int) -> Iterator[None]:
        """Stop a process with SIGSTOP, as if it hung, until the block ends."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def is_idle_file(path: Path) -> bool:
    """Whether a file may stay in a spool while nothing is under way."""
    return path.name.startswith(IDLE_PREFIXES)


def hexed(identity: str) -> str:
    return identity.replace("-", "")


def owned_spool(pid: int) -> str | None:
    """The camera whose spool a process holds open; None for a process that has just ended."""
    with suppress(FileNotFoundError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if found := SPOOL_LOCK.search(os.readlink(descriptor)):
                    return hexed(found[1])
    return None


@dataclass
class Client:
    """Captures in a loop, as an impatient program does, and keeps the answers."""

    station: FaultStation
    pause_s: float = 0.05
    patience_s: float = 0.7
    answers: list[tuple[float, float, Answer | None]] = field(default_factory=list)
    """When requested, when answered (monotonic), and the answer; None without an answer."""

    def __enter__(self) -> Self:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self.pause_s):
            self.answers.append(self._capture())

    def _capture(self) -> tuple[float, float, Answer | None]:
        requested = time.monotonic()
        answer = None
        with suppress(*AWAY):
            answer = self.station.capture(timeout=self.patience_s)
        return requested, time.monotonic(), answer

    def saved(self) -> list[str]:
        """Ids of the captures that were acknowledged."""
        return [answer.body["id"] for _, _, answer in self.answers if answer and answer.status == 201]

    def wait_for_saves(self, more: int) -> None:
        """Wait until `more` captures were acknowledged: a random moment, in captures instead of seconds."""
        wanted = len(self.saved()) + more
        eventually(lambda: len(self.saved()) >= wanted, 60, f"{more} more captures")

    def acknowledged_since(self, moment: float) -> float | None:
        """When the first capture requested after `moment` was acknowledged."""
        found = [
            ended
            for requested, ended, answer in list(self.answers)
            if requested > moment and answer and answer.status == 201
        ]
        return found[0] if found else None

    def recovery_s(self, fault: Callable[[], None], within_s: float = 100) -> float:
        """Seconds from the fault until a capture requested after it was acknowledged."""
        fault()
        began = time.monotonic()
        return float(eventually(lambda: self.acknowledged_since(began), within_s, "captures again")) - began

    def lost(self) -> list[str]:
        """Captures that were acknowledged and are not saved."""
        return [capture for capture in self.saved() if self.station.status_of(capture)[0] != "saved"]
