"""The files of deploy/prometheus, checked by the programs that read them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.project import PROJECT

DEPLOYED = PROJECT / "deploy" / "prometheus"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy whose token exists."""
    found = tmp_path / "prometheus"
    shutil.copytree(DEPLOYED, found)
    (found / "token").write_text("a-token")
    config = found / "prometheus.yml"
    config.write_text(config.read_text().replace("/etc/prometheus/skycam-web-token", str(found / "token")))
    return found


@pytest.mark.parametrize(
    "command",
    [
        ("promtool", "check", "config", "prometheus.yml"),
        ("promtool", "check", "rules", "recording-rules.yml", "alert-rules.yml"),
        ("promtool", "test", "rules", "rules-test.yml"),
        ("amtool", "check-config", "alertmanager.yml"),
    ],
    ids=" ".join,
)
def test_the_programs_that_read_the_files_find_no_fault(command: tuple[str, ...], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
