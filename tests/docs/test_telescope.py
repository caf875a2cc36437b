"""docs/telescope.md: its program runs as it is written, against the simulated controller."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.telescope.driver.protocol import PROFILES
from tests.harness.documents.controller import controller
from tests.harness.documents.pages import blocks, page

PAGE = "docs/telescope.md"


@pytest.mark.slow
def test_the_program_of_the_page_runs_as_it_is_written(tmp_path: Path) -> None:
    """With the ports of this run, which the page does not know."""
    (command,) = blocks(PAGE, "sh")
    program = "\n".join(blocks(PAGE, "python"))
    with controller(command) as (commands, status):
        there = f'("localhost", command_port={commands}, status_port={status})'
        words = [sys.executable, "-c", program.replace('("localhost")', there)]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 3


def test_the_table_of_versions_has_the_constants() -> None:
    text = page(PAGE)
    seed, later, latest = (PROFILES[name] for name in ("seed", "2025", "2026"))
    ports = " | ".join(f"{one.command_port}, {one.status_port}" for one in (seed, later, latest))
    assert f"| `COMMAND_PORT`, `STATUS_PORT` | {ports} |" in text
    assert f"| `READOUT_TIME_SEC` | {seed.readout_s:g} | {later.readout_s:g} | {latest.readout_s:g} |" in text
    overheads = " | ".join(f"{one.overhead_s:g} s" for one in (seed, later, latest))
    assert f"| `EXPOSURE_OVERHEAD`, in hours | {overheads} |" in text
    assert f"| `NUM_CAMERA_CLEARS` | {seed.clears} | {later.clears} | {latest.clears} |" in text
    assert f"| `clear {seed.clear_s}` | `clear {later.clear_s}` | `clear {latest.clear_s}` |" in text
