"""The formats of a camera's stills, and the state of the clock of captures and clips."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from captures.models import CaptureFile, StorageRoot
from core.events.models import Event
from tests.harness.clients.responses import content
from tests.harness.rows.captures import file_of, saved

URL = "/api/v1/cameras/sky/"


def test_a_new_camera_keeps_jpeg(manager: Any, camera: Camera) -> None:
    body = manager.post("/api/v1/cameras/", {"slug": "dome", "kind": "simulated"}).json()
    assert (body["keep"], body["fits_compression"]) == (["jpeg"], "none")


def test_a_camera_is_added_with_its_formats(manager: Any, camera: Camera) -> None:
    wanted = {"slug": "dome", "kind": "simulated", "keep": ["tiff"], "fits_compression": "rice"}
    body = manager.post("/api/v1/cameras/", wanted).json()
    assert (body["keep"], body["fits_compression"]) == (["tiff"], "rice")


def test_a_manager_sets_the_formats_and_an_event_says_so(manager: Any, camera: Camera) -> None:
    body = manager.patch(URL, {"keep": ["fits", "jpeg"], "fits_compression": "rice"}).json()
    assert (body["keep"], body["fits_compression"]) == (["fits", "jpeg"], "rice")
    event = Event.objects.get(kind="camera.changed")
    assert event.data["arguments"] == {"fits_compression": "rice", "keep": ["fits", "jpeg"]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"keep": []}, "keep"),
        ({"keep": "fits"}, "keep"),
        ({"keep": ["gif"]}, "keep"),
        ({"keep": ["fits", "fits"]}, "keep"),
        ({"keep": [1]}, "keep"),
        ({"fits_compression": "gzip"}, "fits_compression"),
    ],
)
def test_other_formats_are_refused_and_nothing_changes(
    manager: Any, camera: Camera, change: dict[str, Any], field: str
) -> None:
    answer = manager.patch(URL, {"name": "Another", **change})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith(field)
    camera.refresh_from_db()
    assert (camera.keep, camera.fits_compression, camera.name) == (["jpeg"], "none", "Sky")


def test_a_camera_that_makes_its_own_files_refuses_formats(manager: Any, camera: Camera) -> None:
    Camera.objects.update(kind="gphoto2")
    answer = manager.patch(URL, {"keep": ["fits"]})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith("The files of a gphoto2 camera are stored as the camera")
    assert manager.get(URL).json()["keep"] == []


def test_an_operator_may_not_set_the_formats(operator: Any, camera: Camera) -> None:
    assert operator.patch(URL, {"keep": ["fits"]}).status_code == 403


@pytest.mark.parametrize(
    ("kind", "suffix", "content_type"),
    [("fits", ".fits", "application/fits"), ("tiff", ".tif", "image/tiff"), ("png", ".png", "image/png")],
)
def test_each_kind_of_file_is_served_with_its_type(
    viewer: Any, camera: Camera, root: StorageRoot, kind: str, suffix: str, content_type: str
) -> None:
    capture = saved(camera)
    file_of(capture, root, f"captures/sky/{capture.id}.jpg", place=0)
    file_of(capture, root, f"captures/sky/{capture.id}{suffix}", b"the other file", kind=kind, place=1)
    answer = viewer.get(f"/api/v1/captures/{capture.id}/file/?kind={kind}&download=1")
    assert content(answer) == b"the other file"
    assert answer["Content-Type"] == content_type
    assert answer["Content-Disposition"] == f'attachment; filename="{capture.id}{suffix}"'


def test_a_capture_has_the_state_of_the_clock(viewer: Any, camera: Camera) -> None:
    capture = saved(camera, clock="synchronised", clock_offset_s=0.001, clock_jumped_s=-3600.0)
    body = viewer.get(f"/api/v1/captures/{capture.id}/").json()
    assert (body["clock"], body["clock_offset_s"], body["clock_error_s"]) == ("synchronised", 0.001, None)
    assert body["clock_jumped_s"] == -3600.0


def test_a_capture_of_an_older_version_has_no_state_of_the_clock(viewer: Any, camera: Camera) -> None:
    body = viewer.get(f"/api/v1/captures/{saved(camera).id}/").json()
    assert (body["clock"], body["clock_offset_s"], body["clock_jumped_s"]) == ("", None, None)


def test_the_preview_of_a_fits_file_is_what_pages_show(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    capture = saved(camera)
    file: CaptureFile = file_of(capture, root, f"captures/sky/{capture.id}.fits", b"SIMPLE", kind="fits")
    page = viewer.get(f"/captures/{capture.id}/").content.decode()
    assert f'href="/api/v1/captures/{capture.id}/thumbnail/?size=2048"' in page
    assert "preview of the FITS file; 16 bits are stretched" in page
    assert f"/api/v1/captures/{capture.id}/file/?kind={file.kind}&amp;download=1" in page
