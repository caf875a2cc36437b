"""Two managers make two cameras primary at the same moment, on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S


@pytest.mark.promise("postgresql")
def test_of_two_cameras_made_primary_at_once_the_second_is_refused_with_the_reason(tmp_path: Path) -> None:
    with postgresql() as address:
        done = subprocess.run(
            [sys.executable, "-m", "tests.harness.races.primary_process"],
            cwd=PROJECT, env={**os.environ, "SKYCAM_DATA": str(tmp_path), "DATABASE_URL": address},
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "errors": {"primary": ["Another camera was made primary at the same moment. Try again."]},
        "primary": ["sky"],
    }
