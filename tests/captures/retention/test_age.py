"""Rules of age: off by default, for each kind of clip its own, and pins and holds override them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from captures.models import Clip
from captures.recordings.clips.services import hold_clip
from core.events.models import Event
from tests.harness.rows.clip_archive import ClipArchive

pytestmark = pytest.mark.django_db


def aged(archive: ClipArchive, number: int, days: float, **fields: object) -> Clip:
    ended = timezone.now() - timedelta(days=days)
    return archive.clip(number, started_at=ended - timedelta(minutes=10), ended_at=ended, **fields)


def test_no_clip_is_too_old_by_default(archive: ClipArchive) -> None:
    aged(archive, 0, 3000, kind="manual")
    aged(archive, 1, 3000)
    archive.cleanup.run()
    assert archive.kept == ["0", "1"]


def test_clips_older_than_their_kind_may_become_are_deleted(
    archive: ClipArchive, retention: Callable[..., None]
) -> None:
    retention(rolling_clip_days=1, manual_clip_days=30)
    aged(archive, 0, 2)
    aged(archive, 1, 0.5)
    aged(archive, 2, 31, kind="manual")
    aged(archive, 3, 2, kind="manual")
    archive.cleanup.run()
    assert archive.kept == ["1", "3"]


def test_the_event_says_that_the_clips_were_too_old(archive: ClipArchive, retention: Callable[..., None]) -> None:
    retention(rolling_clip_days=1)
    aged(archive, 0, 2)
    archive.cleanup.run()
    event = Event.objects.get(kind="storage.cleaned")
    assert event.data["why"] == "age"
    assert "older than 1 days (rolling)" in event.message


def test_pinned_and_held_clips_become_older(archive: ClipArchive, retention: Callable[..., None]) -> None:
    retention(manual_clip_days=1)
    aged(archive, 0, 2, kind="manual", pinned=True)
    hold_clip(aged(archive, 1, 2, kind="manual").pk, "experiment", "growth")
    archive.cleanup.run()
    assert archive.kept == ["0", "1"]
