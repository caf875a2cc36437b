"""A C program with the structures and the file of fields of the telescope's scheduler (see scheduler.c)."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.harness.waiting import PATIENCE_S

SOURCE = Path(__file__).with_name("scheduler.c")


@cache
def compiled() -> Path:
    """The program, compiled once for a run of the tests."""
    folder = tempfile.mkdtemp(prefix="skycam-c-scheduler-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = Path(folder) / "scheduler"
    command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", str(SOURCE), "-o", str(program)]
    subprocess.run(command, check=True, timeout=PATIENCE_S)
    return program


class CScheduler:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.bin"

    def layout(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Structure and member -> offset and size. The member `-` is the structure itself."""
        rows = [line.split() for line in self._run("layout").splitlines()]
        return {(structure, name): (int(offset), int(size)) for structure, name, offset, size in rows}

    def save(self, count: int, time: str = "2026 1 1 3 0 0") -> bytes:
        """The file, after the scheduler has saved `count` fields."""
        self._run("save", str(self.file), str(count), *time.split())
        return self.file.read_bytes()

    def show(self, content: bytes) -> list[str]:
        """What the scheduler reads in such a file: `time` and numbers, then `field member value`."""
        self.file.write_bytes(content)
        return self._run("show", str(self.file)).splitlines()

    def _run(self, *arguments: str) -> str:
        command = [compiled(), *arguments]
        return subprocess.run(command, check=True, timeout=PATIENCE_S, capture_output=True, text=True).stdout
