"""The command line in this process and in a separate one, a real broker, and a fake camera host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from click.testing import CliRunner, Result

from skycam_project.cli.root import cli
from skycam_project.cli.station import Station

SKYCAM = (sys.executable, "-c", "from skycam_project.cli import main; main()")


def skycam(*words: str, given: str | None = None) -> Result:
    """Run a command in this process, on the station of the test run. Jobs that no worker takes are run at once."""
    return CliRunner().invoke(cli, list(words), input=given, obj=Station(job_patience_s=0.0))


def answer(*words: str, given: str | None = None) -> dict[str, Any]:
    """The JSON that a command prints, with any exit status. `given` is its input."""
    found: dict[str, Any] = json.loads(skycam("--output", "json", *words, given=given).stdout)
    return found


@dataclass
class Ran:
    status: int
    stdout: str
    stderr: str


def run(data: Path, *words: str, **variables: str) -> Ran:
    """Run a command in its own process, on the station in `data`."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME")}
    done = subprocess.run(
        [*SKYCAM, *words], env={**inherited, "SKYCAM_DATA": str(data), **variables}, cwd=data.parent,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@contextmanager
def camera_host(client: redis.Redis, station: str, reply: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """A fake camera host that is alive and answers the first command with `reply`; yields received commands."""
    taken: list[dict[str, Any]] = []

    def serve() -> None:
        found = client.blpop([f"{station}:camera.main"], timeout=40)
        taken.append(json.loads(found[1]))
        client.lpush(f"{station}:reply:{taken[0]['command_id']}", json.dumps(reply))

    client.set(f"{station}:host:main", "{}")
    thread = threading.Thread(target=serve)
    thread.start()
    yield taken
    thread.join()
    client.delete(f"{station}:host:main")
