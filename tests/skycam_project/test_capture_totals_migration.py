"""The migration that counts the captures which a station has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.postgresql import postgresql

MIGRATE = """
import django, json, uuid
django.setup()
from datetime import datetime, timedelta, UTC
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE = ("captures", "0032_the_clocks_of_hosts")
call_command("migrate", *BEFORE, verbosity=0)
apps = MigrationExecutor(connection).loader.project_state([BEFORE]).apps
Capture, Session, Gap, Camera = [
    apps.get_model(name) for name in ("captures.Capture", "captures.Session", "captures.SessionGap", "cameras.Camera")
]
camera = Camera.objects.create(slug="sky", name="Sky", kind="simulated", host="main")
at = datetime(2026, 11, 20, 20, tzinfo=UTC)
for seconds in (0.1, 8.0, 9.5, 9999.0):
    Capture.objects.create(camera=camera, status="saved", started_at=at, ended_at=at + timedelta(seconds=seconds))
Capture.objects.create(camera=camera, status="saved", started_at=at)
Capture.objects.create(camera=camera, status="failed", reason="camera_error", started_at=at, ended_at=at)
Capture.objects.create(camera=camera, status="skipped", reason="overrun", started_at=at)
Capture.objects.create(camera=camera, status="planned", started_at=at)
Capture.objects.create(camera=camera, status="saved", started_at=at, origin="adopted", adopted_at=at)
session = Session.objects.create(camera=camera, programme={})
for number, reason in ((4, "overrun"), (5, "host_down")):
    times = {"from_at": at, "to_at": at}
    Gap.objects.create(id=uuid.uuid4(), session=session, first_index=number, count=number, reason=reason, **times)

call_command("migrate", "captures", "0033_capture_totals", verbosity=0)
from captures.models import CaptureTotal
rows = CaptureTotal.objects.order_by("status", "reason", "duration_le_ms")
print(json.dumps([[one.status, one.reason, one.duration_le_ms, one.captures, round(one.seconds, 3)] for one in rows]))
"""
COUNTED = [
    ["failed", "camera_error", 0, 1, 0.0],
    ["saved", "", 0, 1, 0.0],
    ["saved", "", 100, 1, 0.1],
    ["saved", "", 10_000, 2, 17.5],
    ["saved", "", 2**31 - 1, 1, 9999.0],
    ["skipped", "host_down", 0, 5, 0.0],
    ["skipped", "overrun", 0, 5, 0.0],
]


def counted(tmp_path: Path, **variables: str) -> Any:
    (tmp_path / "none.yaml").touch()
    environment = {
        "PATH": os.environ["PATH"],
        "SKYCAM_DATA": str(tmp_path),
        "SKYCAM_CONFIG": str(tmp_path / "none.yaml"),
        "DJANGO_SETTINGS_MODULE": "skycam_project.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE], env={**environment, **variables}, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_captures_that_a_station_has_are_counted(tmp_path: Path) -> None:
    assert counted(tmp_path) == COUNTED


@pytest.mark.prove
def test_the_captures_that_a_station_has_are_counted_on_postgresql(tmp_path: Path) -> None:
    with postgresql() as address:
        assert counted(tmp_path, DATABASE_URL=address) == COUNTED
