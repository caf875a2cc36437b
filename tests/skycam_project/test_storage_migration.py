"""The migrations from booleans of storage roots to storage classes, on a database with rows, forwards and back."""

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
import django, json
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE = ("captures", "0010_session_reported")

def models_before():
    apps = MigrationExecutor(connection).loader.project_state([BEFORE]).apps
    return [apps.get_model(name) for name in ("captures.StorageRoot", "captures.Clip", "cameras.Camera")]

call_command("migrate", *BEFORE, verbosity=0)
Root, Clip, Camera = models_before()
both = Root.objects.create(host="attic", path="/both", default=True, video=True)
Root.objects.create(host="main", path="/images", default=True)
films = Root.objects.create(host="main", path="/films", video=True, exhausted=True)
Root.objects.create(host="main", path="/old")
camera = Camera.objects.create(slug="sky", name="Sky", kind="simulated", host="main")
at = "2026-11-20T20:00:00Z"
Clip.objects.create(camera=camera, started_at=at, ended_at=at, frames=1, width=1, height=1, host="main", root=films,
                    path="clips/a.mp4", bytes=1, sha256="0" * 64)

call_command("migrate", verbosity=0)
from captures.models import Clip as ClipNow, StorageAssignment, StorageRoot
assigned = StorageAssignment.objects.order_by("host", "storage_class")
forwards = [[one.host, one.storage_class, one.root.path] for one in assigned]
kept = [StorageRoot.objects.count(), ClipNow.objects.get().root.path, StorageRoot.objects.get(exhausted=True).path]

call_command("migrate", *BEFORE, verbosity=0)
Root, *_ = models_before()
back = [[root.path, root.default, root.video] for root in Root.objects.order_by("path")]
print(json.dumps({"forwards": forwards, "kept": kept, "back": back}))
"""


def migrated(tmp_path: Path, **variables: str) -> Any:
    environment = {
        "PATH": os.environ["PATH"],
        "SKYCAM_DATA": str(tmp_path),
        "SKYCAM_CONFIG": str(tmp_path / "none.yaml"),
    }
    (tmp_path / "none.yaml").touch()
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE],
        env={**environment, "DJANGO_SETTINGS_MODULE": "skycam_project.settings", **variables},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_migrated(found: Any) -> None:
    assert found["forwards"] == [
        ["attic", "captures", "/both"],
        ["attic", "clips", "/both"],
        ["main", "captures", "/images"],
        ["main", "clips", "/films"],
    ]
    assert found["kept"] == [4, "/films", "/films"]
    assert found["back"] == [
        ["/both", True, True],
        ["/films", False, True],
        ["/images", True, False],
        ["/old", False, False],
    ]


def test_booleans_of_roots_become_assignments_and_back(tmp_path: Path) -> None:
    check_migrated(migrated(tmp_path))


@pytest.mark.prove
def test_booleans_of_roots_become_assignments_and_back_on_postgresql(tmp_path: Path) -> None:
    with postgresql() as address:
        check_migrated(migrated(tmp_path, DATABASE_URL=address))
