"""A cleanup killed at each failpoint of a deletion: no row without a file, no file without a row."""

from __future__ import annotations

import pytest

from captures.models import Clip
from core.events.models import Event
from tests.harness.kills.killed_job import KILLED, exit_status
from tests.harness.rows.clip_archive import ClipArchive

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("point", "passes"), [("after_clip_marked", 0), ("after_clip_file", 1), ("after_clip_row", 0)])
def test_the_next_pass_finishes_a_deletion_that_was_killed(archive: ClipArchive, point: str, passes: int) -> None:
    archive.clips(6)
    assert exit_status("deletion_process", point, passes, 3) == KILLED
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
