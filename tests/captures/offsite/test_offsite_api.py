"""Destinations over the API: validated, without secrets in any answer, and removed only when nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Destination, OffsiteCopy, StorageRoot
from captures.storage.offsite.queue import queue_new_files
from core.events.models import Event
from core.jobs.models import Job
from monitoring.metrics import metrics_for
from skycam_project.access.models import User
from tests.harness.rows.clips import clip_of
from tests.harness.rows.offsite_rows import copy_row, folder_destination_row

URL = "/api/v1/offsite/destinations/"
SECRET = "a-secret-of-the-bucket"
BUCKET = {
    "name": "bucket", "kind": "s3", "classes": ["rolling_clip"], "secret": {"secret_key": SECRET},
    "settings": {"endpoint": "https://s3.example.org", "bucket": "copies", "access_key": "AKID"},
}  # fmt: skip


@pytest.fixture
def bucket(manager: Any) -> str:
    answer = manager.post(URL, BUCKET, format="json")
    assert answer.status_code == 201, answer.json()
    return str(answer["Location"])


def test_a_destination_is_added_and_its_secret_is_never_shown(bucket: str, manager: Any) -> None:
    body = manager.get(bucket).json()
    assert body["has_secret"]
    assert body["settings"]["bucket"] == "copies"
    assert SECRET not in manager.get(URL).content.decode()
    assert SECRET not in str(list(Event.objects.values()))
    assert SECRET not in Destination.objects.get().secret


def test_the_stored_secret_is_the_one_that_was_given(bucket: str) -> None:
    assert Destination.objects.get().typed_secret.model_dump() == {"secret_key": SECRET}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("settings", {"endpoint": "ftp://s3.example.org", "bucket": "copies", "access_key": "a"}),
        ("settings", {"endpoint": "https://user:pw@s3.example.org", "bucket": "copies", "access_key": "a"}),
        ("settings", {"endpoint": "https://0177.0.0.1", "bucket": "copies", "access_key": "a"}),
        ("settings", {"endpoint": "https://s3.example.org", "bucket": "../copies", "access_key": "a"}),
        ("settings", {**BUCKET["settings"], "prefix": "../x"}),  # type: ignore[dict-item]
        ("settings", {**BUCKET["settings"], "unknown": 1}),  # type: ignore[dict-item]
        ("secret", {}),
        ("secret", {"password": SECRET}),
        ("classes", ["thumbnail"]),
        ("classes", []),
        ("cameras", ["nowhere"]),
        ("begin", "22:00"),
        ("bytes_per_s", -1),
        ("name", ""),
        ("kind", "ftp"),
    ],
)
def test_a_bad_value_is_refused_and_changes_nothing(field: str, value: Any, manager: Any) -> None:
    answer = manager.post(URL, {**BUCKET, field: value}, format="json")
    assert answer.status_code == 400
    assert SECRET not in answer.content.decode()
    assert Destination.objects.count() == 0


@pytest.mark.parametrize("before", ["", "/"])
def test_a_folder_in_a_storage_root_is_refused(manager: Any, root: StorageRoot, before: str) -> None:
    path = f"{before}{root.path}/copies"
    wanted = {"name": "a", "kind": "folder", "classes": ["capture"], "settings": {"path": path}}
    answer = manager.post(URL, wanted, format="json")
    assert answer.status_code == 400
    assert "on another disk" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/etc/cron.d", "/proc/self", "/nowhere/at/all", "/mnt-private"])
def test_a_folder_that_the_configuration_does_not_allow_is_refused_whether_it_exists_or_not(
    manager: Any, path: str, settings: Any
) -> None:
    settings.STATION = settings.STATION.model_copy(update={"offsite_roots": [Path("/mnt")]})
    wanted = {"name": "a", "kind": "folder", "classes": ["capture"], "settings": {"path": path}}
    answer = manager.post(URL, wanted, format="json")
    assert answer.status_code == 400
    assert f"Copies may be only in /mnt of the host main, not in {path}." in answer.json()["detail"]
    assert not Destination.objects.exists()


def test_a_destination_is_not_changed_to_a_folder_that_is_not_allowed(manager: Any, settings: Any) -> None:
    settings.STATION = settings.STATION.model_copy(update={"offsite_roots": [Path("/mnt")]})
    made = folder_destination_row(settings={"path": "/mnt/copies"})
    assert manager.patch(f"{URL}{made.pk}/", {"settings": {"path": "/etc"}}, format="json").status_code == 400
    made.refresh_from_db()
    assert made.settings == {"path": "/mnt/copies"}


def test_another_endpoint_needs_the_secret_again(bucket: str, manager: Any) -> None:
    moved = {**BUCKET["settings"], "endpoint": "https://s3.example.net"}  # type: ignore[dict-item]
    assert manager.patch(bucket, {"settings": moved}, format="json").status_code == 400
    answer = manager.patch(bucket, {"settings": moved, "secret": {"secret_key": "new"}}, format="json")
    assert answer.json()["settings"]["endpoint"] == "https://s3.example.net"


def test_limits_and_hours_are_set_and_taken_away(bucket: str, manager: Any) -> None:
    limited = manager.patch(bucket, {"bytes_per_s": 1000, "begin": "22:00", "end": "06:00"}, format="json").json()
    assert [limited["bytes_per_s"], limited["begin"], limited["end"]] == [1000, "22:00", "06:00"]
    free = manager.patch(bucket, {"bytes_per_s": 0, "begin": "", "end": ""}, format="json").json()
    assert [free["bytes_per_s"], free["begin"], free["end"]] == [None, None, None]


def test_two_destinations_have_two_names(bucket: str, manager: Any) -> None:
    assert manager.post(URL, BUCKET, format="json").status_code == 400


def test_two_destinations_of_the_same_files_have_two_places(bucket: str, manager: Any) -> None:
    refused = manager.post(URL, BUCKET | {"name": "second"}, format="json")
    assert refused.status_code == 400
    assert refused.json()["errors"] == [
        {"field": "settings", "message": "bucket copies these files there already. Give another place."}
    ]
    other_prefix = BUCKET | {"name": "second", "settings": {**BUCKET["settings"], "prefix": "second"}}  # type: ignore[dict-item]
    second = manager.post(URL, other_prefix, format="json")["Location"]
    assert manager.patch(second, {"settings": BUCKET["settings"], "secret": BUCKET["secret"]}).status_code == 400
    assert Destination.objects.get(name="second").settings["prefix"] == "second/"


def test_destinations_of_other_files_share_a_place(bucket: str, manager: Any) -> None:
    answer = manager.post(URL, BUCKET | {"name": "second", "classes": ["archive"]}, format="json")
    assert answer.status_code == 201


def test_a_destination_that_files_wait_for_is_removed_only_by_force(
    bucket: str, manager: Any, camera: Camera, root: StorageRoot
) -> None:
    clip_of(camera, root)
    queue_new_files(Destination.objects.get(), "main")
    assert manager.delete(bucket).json()["type"] == "/problems/files-wait"
    assert manager.delete(f"{bucket}?force=true").status_code == 204
    assert OffsiteCopy.objects.count() == 0


def test_a_destination_with_dead_copies_is_removed_only_by_force(manager: Any) -> None:
    destination = folder_destination_row(keep_local=True)
    copy_row(destination)
    address = f"{URL}{destination.pk}/"
    assert manager.delete(address).json()["type"] == "/problems/files-wait"
    assert manager.delete(f"{address}?force=true").status_code == 204


def test_a_test_is_a_job_without_secrets(bucket: str, manager: Any, root: StorageRoot) -> None:
    answer = manager.post(f"{bucket}test/", {}, format="json")
    assert answer.status_code == 202
    assert Job.objects.get().arguments == {"destination": str(Destination.objects.get().pk)}


def test_a_test_on_a_host_without_files_is_refused(bucket: str, manager: Any, root: StorageRoot) -> None:
    assert manager.post(f"{bucket}test/", {"host": "nowhere"}, format="json").status_code == 400


def test_dead_copies_are_listed_and_queued_again(manager: Any) -> None:
    destination = folder_destination_row()
    copy = copy_row(destination)
    copy_row(destination, "queued")
    listed = manager.get("/api/v1/offsite/copies/?state=dead").json()["results"]
    assert [one["id"] for one in listed] == [str(copy.pk)]
    assert manager.post(f"/api/v1/offsite/copies/{copy.pk}/retry/").json()["state"] == "queued"
    backlog = manager.get(f"{URL}{destination.pk}/backlog/").json()
    assert [backlog["files"], backlog["bytes"], backlog["dead"]] == [2, 2000, 0]


def test_all_dead_copies_are_queued_again(manager: Any) -> None:
    destination = folder_destination_row()
    copy_row(destination)
    copy_row(destination)
    assert manager.post(f"{URL}{destination.pk}/retry/").json() == {"copies": 2}


def test_the_backlog_is_a_metric_for_managers(manager: Any, viewer: Any) -> None:
    copy_row(folder_destination_row(), "queued")
    line = b'skycam_offsite_backlog_files{destination="second disk"} 1.0'
    assert line in metrics_for(User.objects.get(role="manager"))
    assert line not in metrics_for(User.objects.get(role="viewer"))


def test_an_operator_sees_no_destination(operator: Any, tmp_path: Path) -> None:
    assert operator.get(URL).status_code == 403
