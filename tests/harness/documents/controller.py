"""The command of a page that starts a simulated controller."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.waiting import PATIENCE_S

LISTENS = re.compile(r"commands on port (\d+), status on port (\d+)")


@contextmanager
def controller(command: str) -> Iterator[tuple[int, int]]:
    """Its ports for commands and status: free ones, as other tests may run on this machine."""
    program, *words = command.split()
    started = [str(Path(sys.executable).parent / program), *words, "--command-port", "0", "--status-port", "0"]
    with subprocess.Popen(started, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        listens = LISTENS.search(process.stdout.readline())
        assert listens
        yield int(listens[1]), int(listens[2])
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
