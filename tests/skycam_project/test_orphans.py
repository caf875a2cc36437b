"""How the launcher finds its children in /proc."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from skycam_project.launch.child import children
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

WITHOUT_ROOTS_RIGHTS = ("unshare", "--user")
PARENT = "import sys, pathlib; from core.processes import *; print(parent_of(pathlib.Path(sys.argv[1])))"


def test_a_started_process_is_a_child_until_it_is_reaped() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        running = children()
        process.kill()
    assert process.pid in running
    assert process.pid not in children()


def test_a_process_that_cannot_be_read_is_no_child(tmp_path: Path) -> None:
    """As those of other users where /proc is mounted with hidepid=1."""
    (tmp_path / "stat").write_text("1 (init) S 0")
    (tmp_path / "stat").chmod(0)
    command = [*WITHOUT_ROOTS_RIGHTS, sys.executable, "-c", PARENT, str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.stdout == "None\n", done.stderr
