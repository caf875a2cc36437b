"""Two processes change one alert at the same moment, on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

MIGRATION_S = 40.0


def test_an_alert_that_is_raised_while_it_is_resolved_opens_again(tmp_path: Path) -> None:
    with postgresql() as address:
        done = subprocess.run(
            [sys.executable, "-m", "tests.harness.races.alert_process"],
            cwd=PROJECT, env={**os.environ, "SKYCAM_DATA": str(tmp_path), "DATABASE_URL": address},
            capture_output=True, text=True, timeout=PATIENCE_S + MIGRATION_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["resolved", "open"]
