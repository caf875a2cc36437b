"""Records of captures that another process decides, or deletes, while they are ingested on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S


def test_a_record_of_a_row_that_changes_meanwhile_is_neither_lost_nor_a_contradiction(tmp_path: Path) -> None:
    with postgresql() as address:
        done = subprocess.run(
            [sys.executable, "-m", "tests.harness.races.decided_capture_process", str(tmp_path)],
            cwd=PROJECT, env={**os.environ, "DATABASE_URL": address}, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["reasons"] == {"0": "host_down", "1": "camera_error", "2": "camera_error"}
    assert found["alerts"] == []
