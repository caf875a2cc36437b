"""Copies that several processes change at the same time, on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S


def outcome_of(race: str, folder: Path) -> Any:
    """What a process of `tests.harness.races` prints."""
    with postgresql() as address:
        done = subprocess.run(
            [sys.executable, "-m", f"tests.harness.races.{race}", str(folder)],
            cwd=PROJECT, env={**os.environ, "DATABASE_URL": address}, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_copy_that_is_found_damaged_while_its_file_comes_back_is_sent_again(tmp_path: Path) -> None:
    assert outcome_of("bring_back_process", tmp_path) == {"file": "here", "copy": "queued"}


def test_who_waits_for_a_destination_has_locked_none_of_its_copies(tmp_path: Path) -> None:
    """Otherwise two that change copies could wait for each other."""
    found = outcome_of("offsite_locks_process", tmp_path)
    assert found == {"locked": 0, "errors": [], "states": ["queued"] * 4}
