"""The web part, killed at a failpoint: `tests.harness.kills.web_process`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from tests.harness.project import PROJECT
from tests.harness.stations.web_server import Web


class KilledWeb(Web):
    def __init__(self, point: str, commands: IO[str], answers: IO[str]) -> None:
        self._answers = answers
        self._status: int | None = None
        commands.write(f"{point}\n")
        commands.flush()
        self._pid, self.port = map(int, answers.readline().split())

    def exit_status(self) -> int:
        """Its exit status, once it has ended."""
        if self._status is None:
            self._status = int(self._answers.readline())
        return self._status

    def ensure_ended(self) -> None:
        if self._status is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self.exit_status()


@contextmanager
def forked_webs() -> Iterator[Any]:
    """A function that starts a web part, which is killed at a failpoint."""
    command = [sys.executable, "-m", "tests.harness.kills.web_process"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield lambda point: KilledWeb(point, process.stdin, process.stdout)
        finally:
            process.kill()
