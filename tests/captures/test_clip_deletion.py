"""A person deletes a clip: at once on its host, later if that is impossible, and never while it is held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from captures.files import thumbnail_queue
from captures.files.thumbnail_queue import job_for
from captures.models import Clip, ClipHold, Experiment
from captures.recordings.clips.services import (
    GUARDS_AS_HOLDS,
    ClipHeld,
    delete_clip,
    delete_clips,
    delete_marked,
    open_root,
)
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.tables import RETENTION_GUARDS


def file_of(clip: Clip) -> Path:
    return Path(clip.root.path, clip.path)


def test_a_deleted_clip_leaves_neither_file_nor_row(clip: Clip) -> None:
    delete_clip(clip, "ada")
    assert Clip.objects.count() == 0
    assert not file_of(clip).exists()


def test_without_its_root_a_deleted_clip_is_hidden_and_deleted_later(viewer: Any, clip: Clip) -> None:
    marker = Path(clip.root.path, ".skycam-root")
    marker.rename(marker.with_name("elsewhere"))
    delete_clip(clip, "ada")
    assert viewer.get(f"/api/v1/clips/{clip.pk}/").status_code == 404
    assert file_of(clip).exists()
    marker.with_name("elsewhere").rename(marker)
    assert [one.pk for one in delete_marked(clip.host).clips] == [clip.pk]


def test_a_clip_of_another_host_waits_for_that_host(viewer: Any, clip: Clip) -> None:
    Clip.objects.update(host="mountain")
    clip.refresh_from_db()
    delete_clip(clip, "ada")
    assert viewer.get("/api/v1/clips/").json()["results"] == []
    assert file_of(clip).exists()


def test_a_second_deletion_finds_no_clip(clip: Clip) -> None:
    delete_clip(clip, "ada")
    with pytest.raises(Clip.DoesNotExist):
        delete_clip(clip, "ada")


def test_the_thumbnails_of_a_clip_are_deleted_with_it(clip: Clip) -> None:
    thumbnail_queue.run_worker([job_for(clip)])
    rendered = list(Path(clip.root.path, ".thumbnails").glob("*/*"))
    delete_clip(clip, "ada")
    assert len(rendered) == 4
    assert list(Path(clip.root.path, ".thumbnails").glob("*/*")) == []


def test_a_held_clip_is_not_marked(clip: Clip) -> None:
    ClipHold.objects.create(clip=clip, by="archive", name="Perseids 2026")
    with pytest.raises(ClipHeld, match="archive Perseids 2026"):
        delete_clip(clip, "ada")
    assert Clip.objects.present().count() == 1


def test_a_clip_that_two_cleanups_delete_is_reported_once(clip: Clip) -> None:
    Clip.objects.update(deleted_at=timezone.now())
    with open_root(clip.root) as files:
        first, second = delete_clips(files, [clip]), delete_clips(files, [clip])
    assert len(first.deleted) == 1
    assert second.deleted == []
    assert second.stuck == []


def test_a_clip_that_an_archive_copies_names_the_archive_and_not_an_off_site_copy(clip: Clip) -> None:
    experiment = Experiment.objects.create(name="growth", operator="olga", still_interval_s=60.0)
    wanted = Archive.objects.create(experiment=experiment, folder="growth", wait_until=timezone.now())
    folder = ArchiveFolder.objects.create(archive=wanted, host="main", root=clip.root)
    ArchiveFile.objects.create(
        folder=folder, camera=clip.camera, clip=clip, path="0.mp4", at=clip.started_at, bytes=10, sha256=""
    )
    with pytest.raises(ClipHeld, match="held by archive until it is copied"):
        delete_clip(clip, "ada")
    assert file_of(clip).exists()


def test_what_keeps_a_clip_is_named_for_each_guard() -> None:
    assert list(GUARDS_AS_HOLDS) == list(RETENTION_GUARDS)
