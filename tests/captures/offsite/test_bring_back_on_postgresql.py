"""A file that comes back while another process changes its copies, on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT


def test_a_copy_that_is_found_damaged_while_its_file_comes_back_is_sent_again(tmp_path: Path) -> None:
    with postgresql() as address:
        done = subprocess.run(
            [sys.executable, "-m", "tests.harness.races.bring_back_process", str(tmp_path)],
            cwd=PROJECT, env={**os.environ, "DATABASE_URL": address}, capture_output=True, text=True, timeout=100,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"file": "here", "copy": "queued"}
