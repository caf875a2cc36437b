"""The storage over the API: usage, and cleanups by plan."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from captures.models import StoredPlan
from captures.storage.usage.measurements import measure_rows
from core.jobs.models import Job
from core.jobs.worker import JobsWorker
from tests.harness.rows.audiences import only_for
from tests.harness.rows.clip_archive import ClipArchive, configured

URL = "/api/v1/storage/"


@pytest.fixture
def archive(tmp_path: Any, db: None, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    configured(monkeypatch, rolling_clips_count=3, soft_floor_gb=0, hard_floor_gb=0)
    return ClipArchive(tmp_path)


def test_the_usage_shows_roots_classes_and_cameras(viewer: Any, archive: ClipArchive) -> None:
    archive.clips(2, size=100)
    measure_rows("main")
    [root] = viewer.get(URL).json()["results"]
    assert root["path"] == str(archive.folder)
    assert root["free_bytes"] > 0
    assert root["forecast"]["days_left"] is None
    [usage] = root["usage"]
    assert usage["class"] == "rolling_clip"
    assert usage["camera"] == "sim"
    assert usage["bytes"] == 200


def test_a_root_that_was_not_measured_yet_has_no_figures(viewer: Any, archive: ClipArchive) -> None:
    [root] = viewer.get(URL).json()["results"]
    assert root["free_bytes"] is None
    assert root["forecast"]["sentence"] == "Unknown: the disk was not measured yet."


def test_hidden_cameras_are_other_cameras(viewer: Any, manager: Any, archive: ClipArchive) -> None:
    seen = Camera.objects.create(slug="seen", name="Seen", kind="simulated", host="main")
    archive.clips(2, size=100)
    archive.clip(5, 10, camera=seen)
    only_for(archive.camera)
    measure_rows("main")
    found = viewer.get(f"{URL}usage/").json()["results"]
    assert [(one["camera"], one["other_cameras"], one["bytes"]) for one in found] == [
        (None, True, 200),
        ("seen", False, 10),
    ]
    assert {one["camera"] for one in manager.get(f"{URL}usage/").json()["results"]} == {"sim", "seen"}


@pytest.mark.parametrize("days", ["0", "401", "x"])
def test_a_number_of_days_out_of_range_is_refused(viewer: Any, archive: ClipArchive, days: str) -> None:
    assert viewer.get(f"{URL}usage/?days={days}").status_code == 400


def test_a_plan_is_made_by_default_and_deletes_nothing(manager: Any, archive: ClipArchive) -> None:
    archive.clips(5)
    plan = manager.post(f"{URL}cleanup/", {}).json()
    assert plan["files"] == 2
    assert plan["rules"] == [{"why": "count", "class": "rolling_clip", "camera": "sim", "files": 2, "bytes": 20}]
    assert archive.kept == ["0", "1", "2", "3", "4"]
    assert StoredPlan.objects.get().made_by == "a-manager"


@pytest.mark.django_db(transaction=True)
def test_a_plan_is_executed_by_a_job(manager: Any, archive: ClipArchive) -> None:
    archive.clips(5)
    plan = manager.post(f"{URL}cleanup/", {"dry_run": True}).json()
    answer = manager.post(f"{URL}cleanup/", {"dry_run": False, "plan": plan["id"]})
    assert answer.status_code == 202
    JobsWorker("main").run_job(Job.objects.get())
    assert Job.objects.get().error == ""
    assert Job.objects.get().state == "done"
    assert (
        manager.post(f"{URL}cleanup/", {"dry_run": False, "plan": plan["id"]}).json()["type"].endswith("plan-refused")
    )


@pytest.mark.parametrize(
    "body",
    [
        {"dry_run": False},
        {"plan": "0197a000-0000-7000-8000-000000000000"},
        {"dry_run": 1},
        {"dry_run": True, "host": "roof"},
        {"dry_run": False, "plan": "all"},
    ],
)
def test_a_body_that_is_not_clear_is_refused(manager: Any, archive: ClipArchive, body: dict[str, Any]) -> None:
    assert manager.post(f"{URL}cleanup/", body).status_code == 400
    assert not Job.objects.exists()


def test_an_unknown_plan_is_refused(manager: Any, archive: ClipArchive) -> None:
    answer = manager.post(f"{URL}cleanup/", {"dry_run": False, "plan": "0197a000-0000-7000-8000-000000000000"})
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("There is no plan")
    assert not Job.objects.exists()


def test_a_host_that_no_database_takes_is_refused(manager: Any, archive: ClipArchive) -> None:
    assert manager.get(f"{URL}integrity/?host=%00").status_code == 400
