"""A pass of the cleanup, each two seconds, is cheap for any number of clips."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest
from django.db import connection

from cameras.models import Camera
from captures.models import Clip, ClipHold
from captures.storage.retention.cleanup import COUNT_S, watched_roots
from captures.storage.retention.clip_rules import RetentionLimit, RoundRobin, clips_beyond_limit, oldest_deletable
from tests.harness.rows.clip_archive import LENGTH, ClipArchive

pytestmark = [pytest.mark.django_db, pytest.mark.prove, pytest.mark.timeout(900)]
CAMERAS, EACH, KEPT, HELD = 32, 31_250, 30_000, 625
"""Of each camera 30,000 are kept by the rule; of those beyond, one half is pinned and the other held."""
RULE = RetentionLimit(KEPT, KEPT * LENGTH)
MOST_S = 0.02
OWN = {
    "id": "lower(hex(randomblob(16)))",
    "path": "clip.path || number",
    "started_at": "datetime(clip.started_at, (10 * number) || ' minutes')",
    "ended_at": "datetime(clip.started_at, (10 * number + 10) || ' minutes')",
    "pinned": f"number < {HELD}",
}
"""The columns that differ between rows, as SQLite expressions."""


@pytest.fixture
def archive(tmp_path: Path) -> ClipArchive:
    archive = ClipArchive(tmp_path)
    for number in range(CAMERAS):
        camera = Camera.objects.create(slug=f"camera-{number}", name="Camera", kind="simulated", host="main")
        fill(archive.clip(0, camera=camera, kind="rolling", path=f"clips/{number}/", pinned=True))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return archive


def fill(first: Clip) -> None:
    columns = [field.column for field in Clip._meta.concrete_fields]
    values = ", ".join(OWN.get(column, f"clip.{column}") for column in columns)
    numbers = f"WITH RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < {EACH - 1})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO captures_clip ({', '.join(columns)}) {numbers} "
            f"SELECT {values} FROM captures_clip AS clip, n WHERE clip.id = %s",
            [first.pk.hex],
        )
    held = Clip.objects.filter(camera=first.camera, pinned=False).order_by("started_at")[:HELD]
    ClipHold.objects.bulk_create([ClipHold(clip=clip, by="experiment", name="growth") for clip in held])


def run_pass(cameras_in_turn: RoundRobin) -> float:
    """CPU seconds of a pass that finds nothing to delete."""
    began = time.process_time()
    beyond = [list(clips_beyond_limit(camera, "main", RULE)[:100]) for camera in cameras_in_turn.cameras(COUNT_S)]
    assert watched_roots("main")
    seconds = time.process_time() - began
    assert not any(beyond)
    return seconds


def test_a_pass_over_a_million_clips_takes_less_than_20_ms(archive: ClipArchive) -> None:
    cameras_in_turn = RoundRobin()
    seconds = statistics.median(run_pass(cameras_in_turn) for _ in range(CAMERAS))
    print(f"{Clip.objects.count()} clips: {seconds * 1000:.1f} ms")
    assert seconds < MOST_S
    assert list(oldest_deletable(archive.root)[:20])
