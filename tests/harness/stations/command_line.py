"""The command line, in this process and in a separate one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from skycam_project.cli.root import cli
from skycam_project.cli.station import Station
from tests.harness.waiting import PATIENCE_S

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
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)
