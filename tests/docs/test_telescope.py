"""docs/telescope.md: its program runs as it is written, against the simulated controller."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cameras.drivers.telescope.profiles import PROFILES
from tests.harness.documents.pages import blocks, page
from tests.harness.waiting import eventually

PAGE = "docs/telescope.md"


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
def controller() -> Iterator[None]:
    (command,) = blocks(PAGE, "sh")
    words = command.split()
    with subprocess.Popen(
        [str(Path(sys.executable).parent / words[0]), *words[1:]], stdout=subprocess.DEVNULL
    ) as process:
        eventually(lambda: answers(5000), "the controller answers")
        yield
        process.terminate()


def test_the_program_of_the_page_runs_as_it_is_written(controller: None, tmp_path: Path) -> None:
    program = "\n".join(blocks(PAGE, "python"))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 3


def test_the_table_of_versions_has_the_constants() -> None:
    text = page(PAGE)
    seed, later, latest = (PROFILES[name] for name in ("seed", "2025", "2026"))
    ports = " | ".join(f"{one.command_port}, {one.status_port}" for one in (seed, later, latest))
    assert f"| `COMMAND_PORT`, `STATUS_PORT` | {ports} |" in text
    assert f"| `READOUT_TIME_SEC` | {seed.readout_s:g} | {later.readout_s:g} | {latest.readout_s:g} |" in text
    assert f"| `NUM_CAMERA_CLEARS` | {seed.clears} | {later.clears} | {latest.clears} |" in text
    assert f"| `clear {seed.clear_s}` | `clear {later.clear_s}` | `clear {latest.clear_s}` |" in text
