"""A camera process alone; the test has the Supervisor's end of the link."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import uuid6

from cameras.child_environment import scrubbed_environment
from cameras.spool.storage import MARKER, make_root, read_marker
from cameras.tables import CONSUMERS
from tests.harness.processes.preloaded import Preloaded, PreloadedProcess, can_be_preloaded
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

TIMEOUT_S = PATIENCE_S
REPORT_S = 0.1
"""Shorter than at a station: many tests wait for the next report."""
AS_AT_A_STATION: dict[str, Any] = {"report_s": 1.0, "is_preloaded": False}
"""For a process whose speed or memory is measured."""
PRELOADED = Preloaded(
    "cameras.runtime.assembly", "cameras.runtime.link", "cameras.drivers.simulated.driver", "cv2",
    *(path.rpartition(".")[0] for path in CONSUMERS.values()),
)  # fmt: skip


def start(environment: dict[str, str], *, is_preloaded: bool) -> PreloadedProcess | subprocess.Popen[bytes]:
    if is_preloaded and can_be_preloaded(environment):
        return PRELOADED.start("cameras.runtime", "--parent", str(PRELOADED.parent), environment=environment)
    return subprocess.Popen(
        [sys.executable, "-m", "cameras.runtime", "--parent", str(os.getpid())],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT, env=environment,
    )  # fmt: skip


class CameraProcess:
    def __init__(
        self,
        root: Path,
        camera: str = "0193a000-0000-7000-8000-00000000000c",
        *,
        is_preloaded: bool = True,
        variables: dict[str, str] | None = None,
        **spec: Any,
    ) -> None:
        """`is_preloaded`: its modules are imported already, if its variables allow that. `variables` are additional
        ones."""
        if not (root / MARKER).exists():
            make_root(root, str(uuid6.uuid7()))
        self.root, self.camera = root, camera
        self.spool = root / ".spool" / camera
        self.messages: list[dict[str, Any]] = []
        self.commands: dict[str, str] = {}
        """Capture -> the command that requested it."""
        self.state: dict[str, Any] = {}
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self.spec = {
            "camera": camera, "slug": "sim", "kind": "simulated", "address": "", "settings": {"exposure_us": 1000},
            "sources": [], "root": read_marker(str(root)), "root_path": str(root), "station": "test",
            "video_root": read_marker(str(root)), "video_root_path": str(root), "recording": None,
            "site": {"latitude": None, "longitude": None, "time_zone": "UTC"}, "margin_s": 5.0, "clock_wait_s": 0.0,
            "report_s": REPORT_S, "consumers": CONSUMERS, "session": None, "decided_outcome": None, **spec,
        }  # fmt: skip
        if self.spec["kind"] == "simulated":
            self.spec["settings"] = {"scene": "chart", **self.spec["settings"]}
        self.process = start({**self.environment(), **(variables or {})}, is_preloaded=is_preloaded)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.send_raw(self.spec)

    def environment(self) -> dict[str, str]:
        return scrubbed_environment()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self._inbox.put(json.loads(line))

    def send_raw(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.process.wait(PATIENCE_S)

    def send(self, kind: str, **fields: Any) -> str:
        command = str(uuid6.uuid7())
        self.send_raw({"type": kind, "command_id": command, "remaining_ms": round(PATIENCE_S * 1000), **fields})
        return command

    def capture(self, capture: str | None = None, **settings: Any) -> str:
        capture = capture or str(uuid6.uuid7())
        self.commands[capture] = self.send(
            "capture", id=capture, planned="2026-01-01T00:00:00Z", asked=settings, requested_by="tester", job=""
        )  # fmt: skip
        return capture

    def start_session(self, session: str, revision: int = 1, desired: str = "running", **programme: Any) -> str:
        desired_session = {
            "id": session, "name": "", "revision": revision, "desired": desired, "created_by": "tester", "so_far": {},
            "programme": {"exposure_us": 1000, **programme},
        }  # fmt: skip
        return self.send("start" if desired == "running" else "stop", session=desired_session)

    def wait_for_message(self, condition: Callable[[dict[str, Any]], bool], takes_s: float = 0.0) -> dict[str, Any]:
        """The next message that fulfils the condition. `takes_s`: as in `eventually`."""
        deadline = time.monotonic() + PATIENCE_S + takes_s
        while True:
            message = self._inbox.get(timeout=max(0.01, deadline - time.monotonic()))
            self.messages.append(message)
            if condition(message):
                return message

    def wait_for_type(self, kind: str, /, **fields: Any) -> dict[str, Any]:
        return self.wait_for_message(
            lambda m: m["type"] == kind and all(m.get(name) == value for name, value in fields.items())
        )

    def wait_for_state(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next report that fulfils the condition and is newer than all messages until now: the first one that
        comes may have been composed before the newest of them."""
        self.wait_for_type("state")
        return self.wait_for_message(lambda message: message["type"] == "state" and condition(message))

    def drop_messages(self) -> None:
        """Drop the messages that no one waited for; keep the newest state (`self.state`)."""
        while not self._inbox.empty():
            message = self._inbox.get()
            self.state = message if message["type"] == "state" else self.state

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        with contextlib.suppress(BrokenPipeError):
            assert self.process.stdin
            self.process.stdin.close()

    def finish(self) -> int:
        """Close the link, which tells the process to finish and exit; returns its exit status."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)

    def done(self) -> dict[str, dict[str, Any]]:
        """The records that wait for the ingest, by id."""
        return {path.stem: json.loads(path.read_text()) for path in sorted(self.spool.glob("*.done"))}
