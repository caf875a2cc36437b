"""A program in C that runs a short night against a controller (see client.c)."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.harness.waiting import PATIENCE_S

SOURCE = Path(__file__).with_name("client.c")


@dataclass(frozen=True)
class Exchange:
    """A line that the program prints."""

    port: str
    reads: int
    size: int
    first_word: str
    command: str


def run_night(
    folder: Path, command_port: int, status_port: int, delay_s: float = 0.001, exposure_s: float = 60.0
) -> list[Exchange]:
    """What it exchanged with the controller. AssertionError with its message if it failed."""
    program = folder / "client"
    build = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-pthread", str(SOURCE), "-o", str(program)]
    subprocess.run(build, check=True, timeout=PATIENCE_S)
    arguments = ["127.0.0.1", str(command_port), str(status_port), str(round(delay_s * 1e6)), str(exposure_s)]
    done = subprocess.run([program, *arguments], timeout=120, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(maxsplit=4) for line in done.stdout.splitlines()]
    return [Exchange(port, int(reads), int(size), word, text) for port, reads, size, word, text in rows]
