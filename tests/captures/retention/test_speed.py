"""A plan over 200,000 clips takes less than two seconds."""

from __future__ import annotations

import time

import pytest
from django.db import connection

from captures.models import Clip, StoredPlan
from captures.retention.manager import StorageManager
from tests.harness.rows.clip_archive import ClipArchive

pytestmark = [pytest.mark.django_db, pytest.mark.prove, pytest.mark.timeout(900)]
CLIPS, KEPT = 200_000, 3
MOST_S = 2.0
OWN = {
    "id": "lower(hex(randomblob(16)))",
    "path": "clip.path || number",
    "started_at": "datetime(clip.started_at, '-' || (10 * number) || ' minutes')",
    "ended_at": "datetime(clip.started_at, '-' || (10 * number - 10) || ' minutes')",
}
"""The columns that differ between rows, as SQLite expressions."""


def test_a_plan_over_200_000_clips_takes_less_than_two_seconds(archive: ClipArchive) -> None:
    first = archive.clip(0)
    columns = [field.column for field in Clip._meta.concrete_fields]
    values = ", ".join(OWN.get(column, f"clip.{column}") for column in columns)
    numbers = f"WITH RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < {CLIPS - 1})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO captures_clip ({', '.join(columns)}) {numbers} "
            f"SELECT {values} FROM captures_clip AS clip, n WHERE clip.id = %s",
            [first.pk.hex],
        )
        cursor.execute("ANALYZE")
    began = time.process_time()
    plan = StorageManager("main").plan()
    seconds = time.process_time() - began
    print(f"{len(plan.items)} files: {seconds:.2f} s, {len(StoredPlan.objects.get().items)} bytes stored")
    assert len(plan.items) == CLIPS - KEPT
    assert seconds < MOST_S
