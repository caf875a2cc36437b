"""The cameras of a running station: their captures, sessions and processes."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from skycam_project.launch import LaunchError
from tests.harness.stations.database import StationDatabase
from tests.harness.stations.http_client import AWAY, Answer, ApiClient
from tests.harness.waiting import PATIENCE_S, eventually

SMALL = {"scene": "chart", "width": 320, "height": 240}
"""Settings of a simulated camera whose pictures cost little."""
SPOOL_LOCK = re.compile(r"\.spool/([0-9a-f-]{36})/\.lock")


class StationCameras:
    """Without a name, a camera is the one that each new station has: `simulated`."""

    def __init__(self, api: ApiClient, database: StationDatabase, worker: Callable[[], int]) -> None:
        """`worker`: the pid of the part that starts their processes. KeyError while it does not run."""
        self.api, self.database, self._worker = api, database, worker

    def capture(self, camera: str = "simulated", timeout: float = PATIENCE_S, **settings: Any) -> Answer:
        body = {"exposure_us": 1000, **settings}
        return self.api.post(f"cameras/{camera}/capture/", body, timeout=timeout)

    def saved_capture(self, camera: str = "simulated", **settings: Any) -> dict[str, Any]:
        """A capture once it is saved: on a busy machine the first answer may be 202."""
        answer = self.capture(camera, **settings)
        assert answer.status in {201, 202}, answer
        path = f"captures/{answer.body['id']}/"
        return dict(eventually(lambda: (body := self.api.get(path))["status"] != "planned" and body))

    def start_session(self, camera: str = "simulated", **programme: Any) -> str:
        """A session with this programme, in which None leaves a value out; returns its id."""
        body = {"exposure_us": 1000, "f_number": None, **programme}
        given = {name: value for name, value in body.items() if value is not None}
        answer = self.api.post(f"cameras/{camera}/start/", given)
        assert answer.status == 201, answer
        return str(answer.body["id"])

    def assert_lost_nothing(self, session: str) -> None:
        """Each planned capture of a stopped session has its outcome, and only the one whose exposure the stop ended may
        have failed."""
        ended = self.api.get(f"sessions/{session}/")
        failed = self.api.get(f"captures/?session={session}&status=failed")["results"]
        assert ended["planned"] == ended["saved"] + ended["failed"] + ended["skipped"], ended
        assert [one["reason"] for one in failed] in ([], ["session_stopped"]), failed

    @contextmanager
    def added(self, kind: str = "simulated", **fields: Any) -> Iterator[str]:
        """The slug of a camera of its own, with small pictures, ready; it is removed at the end."""
        body = {"slug": f"own-{secrets.token_hex(4)}", "kind": kind, "settings": SMALL, **fields}
        answer = self.api.post("cameras/", body)
        assert answer.status == 201, answer
        self.eventually_ready(body["slug"])
        try:
            yield body["slug"]
        finally:
            self.api.call("DELETE", f"cameras/{body['slug']}/")

    def observed(self, camera: str = "simulated") -> str | None:
        """Its observed state; None while no one answers."""
        with suppress(*AWAY):
            return str(self.api.get(f"cameras/{camera}/status/").get("observed"))
        return None

    def eventually_ready(self, camera: str = "simulated") -> None:
        eventually(lambda: self.observed(camera) == "ready", f"{camera} is ready")

    def pids(self) -> dict[str, int]:
        """Slug -> pid of the process that owns the spool of that camera, of those that have one now."""
        question = "SELECT id, slug FROM cameras_camera"
        slugs = {hexed(identity): slug for identity, slug in self.database.rows(question)}
        with suppress(psutil.Error, LaunchError, KeyError):
            owners = {owned_spool(child.pid): child.pid for child in psutil.Process(self._worker()).children()}
            return {slugs[owned]: pid for owned, pid in owners.items() if owned in slugs}
        return {}

    def pid(self, slug: str = "simulated", other_than: int = 0) -> int:
        """That of its process, once it has one."""

        def found() -> int:
            pid = self.pids().get(slug, 0)
            return pid if pid != other_than else 0

        return int(eventually(found, f"a process of {slug}"))

    def process(self, slug: str = "simulated") -> psutil.Process:
        return psutil.Process(self.pid(slug))


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
