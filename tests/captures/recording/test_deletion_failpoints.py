"""A cleanup killed at each failpoint of a deletion: no row without a file, no file without a row."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from captures.models import Clip
from monitoring.models import Event
from tests.harness.project import PROJECT
from tests.harness.rows.clip_archive import ClipArchive, configured

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    configured(monkeypatch, rolling_clips_count=3, soft_floor_gb=0, hard_floor_gb=0)
    return ClipArchive(tmp_path)


def killed_at(point: str, passes: int) -> int:
    words = ["-m", "tests.harness.kills.deletion_process", point, str(passes), "3"]
    return subprocess.run([sys.executable, *words], cwd=PROJECT, timeout=60, check=False).returncode


@pytest.mark.parametrize(("point", "passes"), [("after_clip_marked", 0), ("after_clip_file", 1), ("after_clip_row", 0)])
def test_the_next_pass_finishes_a_deletion_that_was_killed(archive: ClipArchive, point: str, passes: int) -> None:
    archive.clips(6)
    assert killed_at(point, passes) == -9
    assert set(archive.files) <= set(archive.rows)
    assert Clip.objects.present().count() == 3
    archive.cleanup.run()
    assert archive.kept == ["3", "4", "5"]
    assert sum(event.data["clips"] for event in Event.objects.filter(kind="storage.cleaned")) == 3


def test_a_clip_that_a_person_marked_is_deleted_by_its_host(archive: ClipArchive) -> None:
    marked = archive.clip(0, kind="manual")
    Clip.objects.filter(pk=marked.pk).update(deleted_at="2026-03-29T00:00:00Z")
    archive.cleanup.run()
    assert archive.kept == []
