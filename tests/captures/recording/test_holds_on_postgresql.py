"""A concurrent hold and deletion of one clip on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S


def test_of_a_concurrent_hold_and_deletion_the_first_wins(tmp_path: Path) -> None:
    with postgresql() as address:
        done = subprocess.run(
            [sys.executable, "-m", "tests.harness.races.hold_process", str(tmp_path)],
            cwd=PROJECT, env={**os.environ, "DATABASE_URL": address, "CAMERA_CONFIG__SOFT_FLOOR_GB": "0",
                              "CAMERA_CONFIG__HARD_FLOOR_GB": "0"},
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["hold first"] == []
    assert found["kept"] == ["0", "2", "3"]
    assert "is being deleted" in found["deletion first"]
