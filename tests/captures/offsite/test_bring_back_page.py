"""The page of a capture whose files only a destination has."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from cameras.models import Camera
from captures.models import ArchiveFile, CaptureFile, StorageRoot
from captures.storage.bring_back.jobs import bring_back
from core.jobs.context import JobContext
from core.jobs.models import Job
from tests.harness.clients.people import user_named
from tests.harness.rows.archived_files import archive_of, archived_clip, on_disk
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.clips import clip_of
from tests.harness.rows.experiments import running
from tests.harness.rows.offsite import folder_destination, leave_to_copies, send


@pytest.fixture
def away(camera: Camera, root: StorageRoot, tmp_path: Path) -> CaptureFile:
    file = file_of(saved(camera, started_at="2026-03-01T22:00:00Z"), root)
    send(folder_destination(tmp_path / "copies"))
    leave_to_copies(file)
    return file


def browser(person: str) -> Client:
    client = Client()
    client.force_login(user_named(person))
    return client


def test_an_operator_brings_the_files_back_from_the_page(away: CaptureFile) -> None:
    operator = browser("operator")
    page = operator.get(f"/captures/{away.capture_id}/").content.decode()
    assert "Only off-site." in page
    assert "Bring back" in page
    operator.post(f"/captures/{away.capture_id}/bring-back/")
    assert Job.objects.get().kind == "bring_back"


def test_a_viewer_sees_where_the_files_are_and_has_no_button(away: CaptureFile) -> None:
    page = browser("viewer").get(f"/captures/{away.capture_id}/").content.decode()
    assert "Only off-site." in page
    assert "Bring back" not in page


@pytest.fixture
def archived(camera: Camera, root: StorageRoot, tmp_path: Path) -> ArchiveFile:
    """The file of an archive that is only off-site."""
    file = archived_clip(archive_of(running(camera)), clip_of(camera, root))
    send(folder_destination(tmp_path / "copies", classes=["archive"]))
    leave_to_copies(file)
    return file


def test_a_manager_brings_the_files_of_an_archive_back_from_its_page(archived: ArchiveFile) -> None:
    manager, address = browser("manager"), f"/archives/{archived.folder.archive_id}/"
    page = manager.get(address).content.decode()
    assert "1 file, sent from verified copies" in page
    assert f'{address}bring-back/"' in page
    manager.post(f"{address}bring-back/")
    job = Job.objects.get(kind="bring_back")
    bring_back(JobContext(str(job.pk), job.arguments, None, job.requested_by, lambda _: None))
    assert on_disk(archived).is_file()
    assert "Only off-site" not in manager.get(address).content.decode()


def test_an_operator_brings_no_archive_back(archived: ArchiveFile) -> None:
    operator, address = browser("operator"), f"/archives/{archived.folder.archive_id}/"
    assert "Bring back" not in operator.get(address).content.decode()
    assert operator.post(f"{address}bring-back/").status_code == 403
    assert not Job.objects.exists()
