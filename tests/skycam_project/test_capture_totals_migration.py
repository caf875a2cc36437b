"""The migration that counts the captures which a station has."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.harness.migrations import migrate, returned_with
from tests.harness.postgresql import own_server

BEFORE, AFTER = ("captures", "0032_the_clocks_of_hosts"), ("captures", "0033_capture_totals")
AT = datetime(2026, 11, 20, 20, tzinfo=UTC)
COUNTED = [
    ["failed", "camera_error", 0, 1, 0.0],
    ["saved", "", 0, 1, 0.0],
    ["saved", "", 100, 1, 0.1],
    ["saved", "", 10_000, 2, 17.5],
    ["saved", "", 2**31 - 1, 1, 9999.0],
    ["skipped", "host_down", 0, 5, 0.0],
    ["skipped", "overrun", 0, 5, 0.0],
]


def count() -> list[list[Any]]:
    before = migrate(BEFORE)
    captures, gaps = before("captures.Capture"), before("captures.SessionGap")
    camera = before("cameras.Camera").create(slug="sky", name="Sky", kind="simulated", host="main")
    for seconds in (0.1, 8.0, 9.5, 9999.0):
        captures.create(camera=camera, status="saved", started_at=AT, ended_at=AT + timedelta(seconds=seconds))
    captures.create(camera=camera, status="saved", started_at=AT)
    captures.create(camera=camera, status="failed", reason="camera_error", started_at=AT, ended_at=AT)
    captures.create(camera=camera, status="skipped", reason="overrun", started_at=AT)
    captures.create(camera=camera, status="planned", started_at=AT)
    captures.create(camera=camera, status="saved", started_at=AT, origin="adopted", adopted_at=AT)
    session = before("captures.Session").create(camera=camera, programme={})
    for number, reason in ((4, "overrun"), (5, "host_down")):
        times = {"from_at": AT, "to_at": AT}
        gaps.create(id=uuid.uuid4(), session=session, first_index=number, count=number, reason=reason, **times)
    rows = migrate(AFTER)("captures.CaptureTotal").order_by("status", "reason", "duration_le_ms")
    return [[one.status, one.reason, one.duration_le_ms, one.captures, round(one.seconds, 3)] for one in rows]


@pytest.mark.slow
def test_the_captures_that_a_station_has_are_counted(migrated_again: None) -> None:
    assert count() == COUNTED


@pytest.mark.prove
def test_the_captures_that_a_station_has_are_counted_on_postgresql(tmp_path: Path) -> None:
    with own_server() as address:
        assert returned_with(__name__, count.__name__, tmp_path, DATABASE_URL=address) == COUNTED
