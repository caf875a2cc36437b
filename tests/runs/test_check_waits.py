"""`make check` refuses tests that wait for a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

CHECK = PROJECT / "scripts" / "check_waits.py"
REFUSED = {
    "time.sleep(0.5)": "it sleeps",
    "time.sleep(PAUSE_S)": "it sleeps",
    "await asyncio.sleep(1)": "it sleeps",
    "thread.join(5)": "a time-out below 120 s",
    "assert not event.wait(0.3)": "a time-out below 120 s",
    "queue.get(timeout=2)": "a time-out below 120 s",
    "subprocess.run(command, timeout=30)": "a time-out below 120 s",
    "await asyncio.wait_for(answer, timeout=5)": "a time-out below 120 s",
    "eventually(works, within_s=90)": "a deadline of its own",
}
ALLOWED = (
    "await asyncio.sleep(0)",
    "clock.sleep(30)",
    "self.clock.wait(3.0)",
    "thread.join(PATIENCE_S)",
    "thread.join()",
    "process.wait(120)",
    "queue.get(timeout=0)",
    "time.sleep(0.5)  # time: the far end is slow",
    "found.get(5)",
    "'/'.join(parts)",
)


def check(folder: Path, line: str, name: str = "test_it.py") -> subprocess.CompletedProcess[str]:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"async def test_it():\n    {line}\n")
    command = [sys.executable, str(CHECK), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)


@pytest.mark.parametrize("line", REFUSED)
def test_a_wait_for_a_time_is_refused_with_its_place(line: str, tmp_path: Path) -> None:
    done = check(tmp_path, line)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path.name}/test_it.py:2: {REFUSED[line]}\n1 lines wait for a time.")


@pytest.mark.parametrize("line", ALLOWED)
def test_other_waits_are_allowed(line: str, tmp_path: Path) -> None:
    assert check(tmp_path, line).returncode == 0


def test_a_far_end_may_take_its_time(tmp_path: Path) -> None:
    assert check(tmp_path, "time.sleep(0.5)", "harness/far_ends/slow_server.py").returncode == 0
