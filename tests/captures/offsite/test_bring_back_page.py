"""The page of a capture whose files only a destination has."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from cameras.models import Camera
from captures.models import CaptureFile, StorageRoot
from core.jobs.models import Job
from tests.harness.clients.people import user_named
from tests.harness.rows.captures import file_of, saved
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
