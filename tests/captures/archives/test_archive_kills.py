"""The job `archive` killed at each failpoint: nothing half-done counts as done, and the next attempt finishes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from captures.archives.failpoints import FAILPOINTS
from captures.archives.services import advance, archive_path, request_archive
from captures.models import Archive, ArchiveFile, Clip, Experiment
from tests.harness.project import PROJECT

pytestmark = pytest.mark.django_db(transaction=True)
OF_EACH_FILE = [point for point in FAILPOINTS.points if point.startswith(("after_part", "after_row"))]
LONG = [pytest.param(point, 1, marks=pytest.mark.prove) for point in OF_EACH_FILE]
ALWAYS = [(point, 0) for point in FAILPOINTS.points]
KILLED = -9


def killed_at(point: str, passes: int, archive: Archive) -> int:
    command = [sys.executable, "-m", "tests.harness.kills.archive_process", point, str(passes), str(archive.pk)]
    return subprocess.run(command, cwd=PROJECT, timeout=120, check=False).returncode


@pytest.mark.parametrize(("point", "passes"), [*ALWAYS, *LONG])
def test_the_next_attempt_finishes_what_a_kill_interrupted(
    point: str, passes: int, run: Experiment, clips: list[Clip], run_jobs: Any
) -> None:
    archive = request_archive(run)
    assert killed_at(point, passes, archive) == KILLED
    folder = Path(archive_path(archive))
    for file in ArchiveFile.objects.filter(state="copied"):
        assert (folder / file.path).stat().st_size == file.bytes
    assert Archive.objects.get().state == "copying"
    run_jobs()
    archive.refresh_from_db()
    advance(archive)
    run_jobs()
    archive.refresh_from_db()
    assert archive.state == "complete"
    assert (
        subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=False).returncode
        == 0
    )
    assert not list(folder.rglob("*.part"))
