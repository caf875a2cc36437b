"""`skycam telescope simulate` as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.harness.waiting import PATIENCE_S

SKYCAM = Path(sys.executable).parent / "skycam"
FREE_PORTS = ("--command-port", "0", "--status-port", "0")


class Simulation:
    """In a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [SKYCAM, "--output", "json", "telescope", "simulate", *options],
            stdout=subprocess.PIPE, text=True, cwd=folder,
        )  # fmt: skip
        self.begin = self.read()

    def read(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    @property
    def ports(self) -> tuple[int, int]:
        return self.begin["command_port"], self.begin["status_port"]

    def end(self, number: int) -> list[dict[str, Any]]:
        """What it has printed since it began."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=PATIENCE_S)
        return [json.loads(line) for line in output.splitlines()]
