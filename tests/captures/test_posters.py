"""`captures.files.thumbnail_queue`: the jobs part finds new clips by itself and renders their posters."""

from __future__ import annotations

from pathlib import Path

import pytest

from captures.files.thumbnail_queue import NEWEST_CLIPS, PosterSearch
from captures.thumbnails.store import ThumbnailJob
from tests.harness.rows.clip_archive import ClipArchive

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archive(tmp_path: Path) -> ClipArchive:
    return ClipArchive(tmp_path)


@pytest.fixture
def queued() -> list[ThumbnailJob]:
    return []


@pytest.fixture
def search(queued: list[ThumbnailJob]) -> PosterSearch:
    return PosterSearch("main", queued.append)


def paths(queued: list[ThumbnailJob]) -> list[str]:
    return [job["path"] for job in queued]


def test_the_newest_clip_is_queued_last_because_the_queue_takes_the_last_one_first(
    archive: ClipArchive, search: PosterSearch, queued: list[ThumbnailJob]
) -> None:
    clips = archive.clips(3)
    search.run()
    assert paths(queued) == [clip.path for clip in clips]


def test_a_clip_is_queued_once(archive: ClipArchive, search: PosterSearch, queued: list[ThumbnailJob]) -> None:
    archive.clips(2)
    search.run()
    new = archive.clip(2)
    queued.clear()
    search.run()
    search.run()
    assert paths(queued) == [new.path]


def test_clips_of_other_hosts_and_deleted_clips_are_left_alone(
    archive: ClipArchive, search: PosterSearch, queued: list[ThumbnailJob]
) -> None:
    archive.clip(0, host="dome")
    archive.clip(1, deleted_at="2026-03-28T12:00:00Z")
    search.run()
    assert queued == []


def test_a_search_looks_at_the_newest_clips_alone(
    archive: ClipArchive, search: PosterSearch, queued: list[ThumbnailJob]
) -> None:
    clips = archive.clips(NEWEST_CLIPS + 2)
    search.run()
    assert paths(queued) == [clip.path for clip in clips[2:]]
