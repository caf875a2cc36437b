"""Captures whose files stay with their cameras: the row of the record, and what each place says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client, RequestFactory

from cameras.models import Camera
from captures.capturing.records import describe_references
from captures.models import Capture, CaptureReference, CaptureTotal, Session, StorageRoot, StorageUsage
from captures.pages.camera.pages import saved_message
from captures.storage.trash.services import CaptureKept, purge_capture, trash_capture
from captures.storage.usage.measurements import measure_rows
from core.events.models import Event
from skycam_project.access.models import User
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.clients.pages import text_of
from tests.harness.rows.archive import Archive
from tests.harness.rows.captures import HASH, PLACES, file_of, remote
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
SAID = "4 files on pco-nuc"


@pytest.fixture
def capture(camera: Camera) -> Capture:
    return remote(camera)


@pytest.fixture
def manager_client(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("boss", role="manager"))
    return client


# The row


@pytest.mark.django_db(transaction=True)
def test_a_camera_that_keeps_its_pictures_leads_to_a_saved_row_with_references(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    planned = archive.planned()
    settings = {"remote_files": True}
    with CameraProcess(archive.folder, str(archive.camera.id), settings=settings) as process:
        process.capture(str(planned.id))
        process.wait_for_type("spooled", id=str(planned.id))
        process.finish()
    archive.ingest()
    planned.refresh_from_db()
    assert (planned.status, planned.files.count()) == ("saved", 0)
    assert list(planned.references.values_list("kind", "place", "bytes", "sha256")) == [
        ("fits", "sim-0:/data/00000000.fits", None, "")
    ]
    assert CaptureTotal.objects.get(status="saved").captures == 1
    message = Event.objects.get(kind="capture.saved").message
    assert message == "sim saved a capture. Remote: 1 file on sim-0, not held by this station."


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([], ""),
        (["/shared/a.fits"], "1 file"),
        (["pco-nuc:/a.fits", "pco-nuc:/b.fits"], "2 files on pco-nuc"),
        (["b.example:/a", "a.example:/b"], "2 files on a.example, b.example"),
        (["C:\\data\\a.fits"], "1 file"),
    ],
)
def test_the_hosts_of_references_are_named(places: list[str], said: str) -> None:
    assert describe_references(CaptureReference(place=place) for place in places) == said


# The API and the command line


def test_the_api_lists_references_beside_the_files_that_the_station_holds(viewer: Any, capture: Capture) -> None:
    body = viewer.get(f"/api/v1/captures/{capture.pk}/").json()
    assert (body["files"], body["filename"], body["bytes"], body["sha256"], body["thumbnail"]) == ([], *[None] * 4)
    assert body["references"][:2] == [
        {"kind": "fits", "place": PLACES[0], "bytes": 2880, "sha256": HASH},
        {"kind": "fits", "place": PLACES[1], "bytes": None, "sha256": None},
    ]
    assert viewer.get(f"/api/v1/captures/{capture.pk}/file/").status_code == 404
    assert viewer.get(f"/api/v1/captures/{capture.pk}/thumbnail/").status_code == 404


def test_the_command_line_says_that_the_files_are_remote(capture: Capture) -> None:
    shown = skycam("captures", "show", str(capture.pk)).stdout
    assert "remote: 4 files, not held by this station, and never checked:" in shown
    assert PLACES[3] in shown
    assert "remote" in skycam("captures", "list").stdout
    assert answer("captures", "show", str(capture.pk))["references"][0]["sha256"] == HASH
    assert "no file" in skycam("captures", "get", str(capture.pk)).stderr


# Pages


def test_the_page_of_a_capture_says_where_its_files_are(manager_client: Client, capture: Capture) -> None:
    page = text_of(manager_client.get(f"/captures/{capture.pk}/"))
    assert f"Remote: {SAID}" in page
    assert f"{SAID}, not held by this station." in page
    assert PLACES[0] in page
    assert "no longer available" not in page
    assert "Delete" not in page


def test_the_gallery_has_a_tile_without_a_picture(manager_client: Client, capture: Capture) -> None:
    day = f"{capture.started_at:%Y-%m-%d}"
    assert f"Remote: {SAID}" in text_of(manager_client.get("/gallery/", {"day": day, "camera": "sky"}))


def test_the_page_of_a_camera_says_that_its_newest_capture_is_remote(manager_client: Client, capture: Capture) -> None:
    assert f"remote: {SAID}" in " ".join(text_of(manager_client.get("/cameras/sky/")).split())


def test_the_message_after_a_capture_says_that_its_files_are_remote(capture: Capture) -> None:
    request = RequestFactory().post("/cameras/sky/capture/", headers={"HX-Request": "true"})
    assert f"Saved. Remote: {SAID}, not held by this station." in text_of(saved_message(request, capture))


def test_the_ledger_of_a_session_says_how_many_captures_are_remote(manager_client: Client, camera: Camera) -> None:
    session = Session.objects.create(camera=camera, programme={"exposure_us": 1000, "delay_s": 1})
    remote(camera, session=session, index=0)
    remote(camera, session=session, index=1)
    page = text_of(manager_client.get(f"/sessions/{session.pk}/"))
    assert "Remote: 2 captures, 8 files that stay with the camera and are not held by this station." in page


# The storage


def test_remote_files_use_no_storage_and_are_not_checked(capture: Capture, root: StorageRoot) -> None:
    measure_rows(root.host)
    assert not StorageUsage.objects.filter(camera__isnull=False).exists()


def test_a_capture_whose_files_are_all_remote_cannot_be_deleted(capture: Capture) -> None:
    with pytest.raises(CaptureKept, match="its files are remote, and this station cannot delete them"):
        trash_capture(capture, "boss")


def test_deleting_the_other_files_of_a_capture_does_not_claim_the_remote_ones(
    capture: Capture, root: StorageRoot, manager_client: Client
) -> None:
    file_of(capture, root)
    question = text_of(manager_client.get(f"/captures/{capture.pk}/delete/"))
    trash_capture(capture, "boss")
    purge_capture(Capture.objects.get(), root.host, "boss")
    capture.refresh_from_db()
    assert f"{SAID}, which this station does not hold, stay where they are." in " ".join(question.split())
    assert capture.message.endswith(f"Remote files were not deleted: {SAID}.")
    assert capture.references.count() == 4
