"""Try the rules of retention, and execute the plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.models import Capture, Clip, StoredPlan
from captures.recordings.clips.services import hold_clip
from core.jobs.models import Job
from tests.harness.clients.pages import text_of
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.clip_archive import ClipArchive, configured
from tests.harness.rows.storage import ESCAPED, HOSTILE, ended, executed, trashed_capture

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    """A root whose cameras keep three rolling clips each."""
    configured(monkeypatch, rolling_clips_count=3, soft_floor_gb=0, hard_floor_gb=0)
    return ClipArchive(tmp_path)


def tried(client: Any) -> str:
    """The address of a new plan's page."""
    return str(client.post("/storage/plans/")["Location"])


def confirm(client: Any, address: str, typed: str) -> Any:
    return client.post(address, {"confirmation": typed}, format="multipart", follow=True)


def test_a_dry_run_shows_what_would_go_and_deletes_nothing(manager: Any, archive: ClipArchive) -> None:
    clips = archive.clips(5)
    text = text_of(manager.get(tried(manager)))
    assert "<b>2 files, 20 B.</b>" in text
    assert "Beyond the number of clips that its camera keeps" in text
    assert f'href="/clips/{clips[0].pk}/"' in text
    assert "</svg> Delete 2 files</button>" in text
    assert archive.kept == ["0", "1", "2", "3", "4"]


def test_what_stays_is_listed_with_its_reason(manager: Any, archive: ClipArchive) -> None:
    clips = archive.clips(6)
    Clip.objects.filter(pk=clips[0].pk).update(pinned=True)
    hold_clip(clips[1].pk, "experiment", "growth")
    kept = text_of(manager.get(tried(manager))).partition('id="kept"')[2]
    assert "clips/0-rolling.mp4" in kept
    assert "kept by a pin" in kept
    assert "kept by experiment growth" in kept


def test_nothing_to_delete_has_no_button(manager: Any, archive: ClipArchive) -> None:
    archive.clips(2)
    text = text_of(manager.get(tried(manager)))
    assert "The rules delete nothing now." in text
    assert 'class="btn destroy"' not in text


def test_only_the_first_twenty_files_are_listed(manager: Any, archive: ClipArchive) -> None:
    archive.clips(28)
    text = text_of(manager.get(tried(manager)))
    assert text.count('<td><a class="mono"') == 20
    assert "… and 5 more" in text


@pytest.mark.parametrize("typed", ["", "1", "two"])
def test_another_number_changes_nothing(manager: Any, archive: ClipArchive, typed: str) -> None:
    archive.clips(5)
    answer = confirm(manager, tried(manager), typed)
    assert answer.status_code == 400
    assert "Type the number of files to confirm: 2." in text_of(answer)
    assert not Job.objects.exists()


def test_exactly_the_plan_is_executed_and_what_stayed_is_listed(manager: Any, archive: ClipArchive) -> None:
    clips = archive.clips(7)
    address = tried(manager)
    archive.clip(8)
    assert "Begun: delete 4 files." in text_of(confirm(manager, address, "4"))
    Clip.objects.filter(pk=clips[0].pk).update(pinned=True)
    hold_clip(clips[1].pk, "experiment", "growth")
    executed(StoredPlan.objects.get().pk)
    text = text_of(manager.get(address))
    assert "<b>2 of 4 planned files were deleted, 20 B.</b>" in text
    assert "2 stayed." in text
    assert "kept by a pin, which an operator can remove" in text
    assert archive.kept == ["0", "1", "4", "5", "6", "8"]


def test_two_who_press_at_once_start_one_job(manager: Any, archive: ClipArchive) -> None:
    archive.clips(5)
    address = tried(manager)
    confirm(manager, address, "2")
    assert "a-manager has begun this plan already." in text_of(confirm(manager, address, "2"))
    assert Job.objects.count() == 1


def test_a_plan_is_executed_once(manager: Any, archive: ClipArchive) -> None:
    archive.clips(5)
    address = tried(manager)
    executed(StoredPlan.objects.get().pk, "boss")
    archive.clip(6)
    assert "boss has begun this plan already." in text_of(confirm(manager, address, "2"))
    assert Job.objects.count() == 1


def test_an_expired_plan_cannot_be_executed(manager: Any, archive: ClipArchive) -> None:
    archive.clips(5)
    address = tried(manager)
    StoredPlan.objects.update(expires_at=timezone.now())
    assert "cannot be executed any more" in text_of(manager.get(address))
    answer = confirm(manager, address, "2")
    assert answer.status_code == 409
    assert "has expired" in text_of(answer)
    assert not Job.objects.exists()


def test_captures_that_are_too_old_are_moved_to_the_trash(
    manager: Any, archive: ClipArchive, retention: Callable[..., None]
) -> None:
    retention(capture_days=10, trash_days=30)
    trashed_capture(archive.camera, archive.root, days=31)
    old = saved(archive.camera, started_at=timezone.now() - timedelta(days=11))
    file_of(old, archive.root, host="main")
    address = tried(manager)
    assert "Delete 1 file and move 1 file to the trash" in text_of(manager.get(address))
    executed(StoredPlan.objects.get().pk)
    text = text_of(manager.get(address))
    assert "<b>1 of 2 planned files was deleted" in text
    assert "1 is in the trash." in text
    assert Capture.objects.in_trash().get() == old


def test_the_progress_is_shown_until_the_job_has_ended(manager: Any, archive: ClipArchive) -> None:
    archive.clips(5)
    address = tried(manager)
    text = text_of(confirm(manager, address, "2"))
    assert f'hx-get="{address}now/"' in text
    assert "Begun by a-manager" in text_of(manager.get(f"{address}now/"))
    executed(StoredPlan.objects.get().pk)
    assert manager.get(f"{address}now/")["HX-Refresh"] == "true"


def test_a_failed_execution_says_why(manager: Any, archive: ClipArchive) -> None:
    archive.clips(5)
    address = tried(manager)
    confirm(manager, address, "2")
    ended(Job.objects.get(), {}, "failed", "The plan has expired. Make a new one.")
    text = text_of(manager.get(address))
    assert "The cleanup failed: The plan has expired. Make a new one." in text


def test_a_root_that_is_not_mounted_is_a_problem_of_the_plan(manager: Any, archive: ClipArchive) -> None:
    archive.clips(5)
    (archive.folder / ".skycam-root").unlink()
    assert "is not mounted" in text_of(manager.get(tried(manager)))


def test_an_unknown_plan_is_not_found(manager: Any) -> None:
    assert manager.get(f"/storage/plans/{uuid4()}/").status_code == 404


def test_a_changed_plan_is_not_executed(manager: Any, archive: ClipArchive) -> None:
    archive.clips(5)
    address = tried(manager)
    StoredPlan.objects.update(digest="0" * 64)
    assert manager.get(address).status_code == 404
    assert confirm(manager, address, "2").status_code == 404


def test_hostile_names_are_shown_as_text(manager: Any, archive: ClipArchive) -> None:
    clips = archive.clips(5)
    Camera.objects.update(name=HOSTILE[:80])
    Clip.objects.filter(pk=clips[0].pk).update(path=HOSTILE)
    text = text_of(manager.get(tried(manager)))
    assert "<script>alert" not in text
    assert len(re.findall(re.escape(ESCAPED), text)) >= 2


def test_many_files_need_no_more_queries(
    manager: Any, archive: ClipArchive, django_assert_max_num_queries: Any
) -> None:
    archive.clips(28)
    address = tried(manager)
    with django_assert_max_num_queries(25):
        manager.get(address)
