"""The migrations from booleans of storage roots to storage classes, on a database with rows, forwards and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.harness.migrations import migrate, returned_with
from tests.harness.postgresql import own_server

BEFORE, AFTER = ("captures", "0010_session_reported"), ("captures", "0013_storage_roots_without_booleans")
AT = "2026-11-20T20:00:00Z"


def there_and_back() -> dict[str, Any]:
    before = migrate(BEFORE)
    roots = before("captures.StorageRoot")
    roots.create(host="attic", path="/both", default=True, video=True)
    roots.create(host="main", path="/images", default=True)
    films = roots.create(host="main", path="/films", video=True, exhausted=True)
    roots.create(host="main", path="/old")
    camera = before("cameras.Camera").create(slug="sky", name="Sky", kind="simulated", host="main")
    before("captures.Clip").create(
        camera=camera, started_at=AT, ended_at=AT, frames=1, width=1, height=1, host="main", root=films,
        path="clips/a.mp4", bytes=1, sha256="0" * 64,
    )  # fmt: skip
    after = migrate(AFTER)
    assigned = after("captures.StorageAssignment").order_by("host", "storage_class")
    forwards = [[one.host, one.storage_class, one.root.path] for one in assigned]
    roots = after("captures.StorageRoot")
    kept = [roots.count(), after("captures.Clip").get().root.path, roots.get(exhausted=True).path]
    roots = migrate(BEFORE)("captures.StorageRoot")
    back = [[one.path, one.default, one.video] for one in roots.order_by("path")]
    return {"forwards": forwards, "kept": kept, "back": back}


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


@pytest.mark.slow
def test_booleans_of_roots_become_assignments_and_back(tmp_path: Path) -> None:
    check_migrated(returned_with(__name__, there_and_back.__name__, tmp_path))


@pytest.mark.prove
def test_booleans_of_roots_become_assignments_and_back_on_postgresql(tmp_path: Path) -> None:
    with own_server() as address:
        check_migrated(returned_with(__name__, there_and_back.__name__, tmp_path, DATABASE_URL=address))
