"""The job `archive` killed at each failpoint: nothing half-done counts as done, and the next attempt finishes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from captures.models import Archive, ArchiveFile, Clip, Experiment
from captures.storage.archives.copying import FAILPOINTS
from captures.storage.archives.services import advance, archive_path
from tests.harness.kills.killed_job import KILLED, exit_status
from tests.harness.rows.archives import request_archive

pytestmark = pytest.mark.django_db(transaction=True)
OF_EACH_FILE = [point for point in FAILPOINTS.points if point.startswith(("after_part", "after_row"))]
LONG = [pytest.param(point, 1, marks=pytest.mark.prove) for point in OF_EACH_FILE]
ALWAYS = [(point, 0) for point in FAILPOINTS.points]


@pytest.mark.parametrize(("point", "passes"), [*ALWAYS, *LONG])
def test_the_next_attempt_finishes_what_a_kill_interrupted(
    point: str, passes: int, run: Experiment, clips: list[Clip], run_jobs: Any
) -> None:
    archive = request_archive(run)
    assert exit_status("archive_process", point, passes, archive.pk) == KILLED
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
    check = ["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=folder, check=False).returncode == 0
    assert not list(folder.rglob("*.part"))
