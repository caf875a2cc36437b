"""A plan says exactly what would be deleted, and its execution deletes nothing else."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from captures.models import Clip, Experiment, StoredPlan
from captures.recordings.clips.services import hold_clip
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.storage.file_classes import FileClass
from captures.storage.retention.manager import PlanRefused, StorageManager, remove_plans
from captures.storage.retention.plan import ALLOWED_RULES, CleanupPlan, PlanItem, RuleNotAllowed, Why
from tests.harness.rows.clip_archive import ClipArchive

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> StorageManager:
    return StorageManager("main", "boss")


def executed(manager: StorageManager, plan: CleanupPlan) -> int:
    return len(manager.execute(manager.claimed_plan(plan.id, "job")).deleted)


def test_a_plan_lists_the_clips_beyond_the_count_and_deletes_nothing(
    archive: ClipArchive, manager: StorageManager
) -> None:
    archive.clips(5)
    plan = manager.plan()
    assert [(item.path, item.why) for item in plan.items] == [
        ("clips/0-rolling.mp4", "count"),
        ("clips/1-rolling.mp4", "count"),
    ]
    assert archive.kept == ["0", "1", "2", "3", "4"]


def test_executing_a_plan_deletes_exactly_its_clips(archive: ClipArchive, manager: StorageManager) -> None:
    archive.clips(5)
    plan = manager.plan()
    archive.clip(7)
    assert executed(manager, plan) == 2
    assert archive.kept == ["2", "3", "4", "7"]


def test_a_clip_that_was_pinned_after_the_plan_stays(archive: ClipArchive, manager: StorageManager) -> None:
    clips = archive.clips(5)
    plan = manager.plan()
    Clip.objects.filter(pk=clips[0].pk).update(pinned=True)
    hold_clip(clips[1].pk, "experiment", "growth")
    assert executed(manager, plan) == 0
    assert archive.kept == ["0", "1", "2", "3", "4"]


def test_a_clip_that_the_rule_selects_no_more_stays(archive: ClipArchive, manager: StorageManager) -> None:
    clips = archive.clips(5)
    plan = manager.plan()
    Clip.objects.filter(pk=clips[4].pk).delete()
    (archive.folder / clips[4].path).unlink()
    assert executed(manager, plan) == 1
    assert archive.kept == ["1", "2", "3"]


def test_a_plan_says_what_stays_and_why(archive: ClipArchive, manager: StorageManager) -> None:
    clips = archive.clips(5)
    Clip.objects.filter(pk=clips[0].pk).update(pinned=True)
    hold_clip(clips[1].pk, "experiment", "growth")
    plan = manager.plan()
    assert plan.items == ()
    assert [one.reason for one in plan.skipped] == [
        "kept by a pin, which an operator can remove",
        "kept by experiment growth",
    ]


def test_a_clip_that_an_archive_still_copies_stays(archive: ClipArchive, manager: StorageManager) -> None:
    clips = archive.clips(5)
    experiment = Experiment.objects.create(name="growth", operator="olga", still_interval_s=60.0)
    wanted = Archive.objects.create(experiment=experiment, folder="growth", wait_until=timezone.now())
    folder = ArchiveFolder.objects.create(archive=wanted, host="main", root=archive.root)
    ArchiveFile.objects.create(
        folder=folder, camera=archive.camera, clip=clips[0], path="0.mp4", at=clips[0].started_at, bytes=10, sha256=""
    )
    plan = manager.plan()
    archive.cleanup.run()
    assert [one.reason for one in plan.skipped] == ["kept by an archive that copies it"]
    assert archive.kept == ["0", "2", "3", "4"]


def test_an_unknown_plan_is_refused(archive: ClipArchive, manager: StorageManager) -> None:
    with pytest.raises(PlanRefused, match="There is no plan"):
        manager.claimed_plan(uuid4(), "job")


def test_a_plan_expires(archive: ClipArchive, manager: StorageManager) -> None:
    plan = manager.plan()
    StoredPlan.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(PlanRefused, match="has expired"):
        manager.claimed_plan(plan.id, "job")


def test_a_plan_from_the_future_is_refused(archive: ClipArchive, manager: StorageManager) -> None:
    plan = manager.plan()
    StoredPlan.objects.update(made_at=timezone.now() + timedelta(days=1))
    with pytest.raises(PlanRefused, match="has expired"):
        manager.claimed_plan(plan.id, "job")


def test_a_plan_is_executed_by_one_job_which_may_continue(archive: ClipArchive, manager: StorageManager) -> None:
    archive.clips(5)
    plan = manager.plan()
    manager.claimed_plan(plan.id, "first")
    with pytest.raises(PlanRefused, match="executed already"):
        manager.claimed_plan(plan.id, "second")
    assert manager.claimed_plan(plan.id, "first").items == plan.items


def test_a_plan_that_was_changed_in_the_database_is_refused(archive: ClipArchive, manager: StorageManager) -> None:
    plan = manager.plan()
    StoredPlan.objects.update(digest="0" * 64)
    with pytest.raises(PlanRefused, match="was changed"):
        manager.claimed_plan(plan.id, "job")


def test_old_plans_are_removed(archive: ClipArchive, manager: StorageManager) -> None:
    manager.plan()
    StoredPlan.objects.update(expires_at=timezone.now() - timedelta(days=2))
    kept = manager.plan()
    assert remove_plans() == 1
    assert [plan.pk for plan in StoredPlan.objects.all()] == [kept.id]


@pytest.mark.parametrize("file_class", sorted(set(FileClass) - {FileClass.ROLLING_CLIP}))
def test_only_rolling_clips_may_be_deleted_to_free_space(file_class: FileClass) -> None:
    assert Why.SPACE not in ALLOWED_RULES.get(file_class, ())
    item = PlanItem("captures", "1", file_class, uuid4(), uuid4(), "a.jpg", 1, Why.SPACE)
    with pytest.raises(RuleNotAllowed, match="by the rule space"):
        CleanupPlan("main", (item,))
