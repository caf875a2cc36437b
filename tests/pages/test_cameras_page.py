"""The page where cameras are found and added, and the panel with a simulated camera's faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from tests.harness.browsers.html_check import html_errors
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.far_ends.camera_host import camera_host, found, host_with

PART = {"HX-Request": "true"}
NEW = {"slug": "dome", "name": "Dome", "kind": "simulated", "address": "", "host": "main"}


def test_a_camera_that_was_found_is_added_by_one_click(manager: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, host_with(found("3001"))):
        page = text_of(manager.post("/cameras/detect/", headers=PART))
    assert 'name="address" value="3001"' in page
    assert 'value="nikon-dsc-d750"' in page
    asked = {**NEW, "slug": "nikon-dsc-d750", "kind": "gphoto2", "address": "3001", "model": "Nikon DSC D750"}
    answer = manager.post("/cameras/", asked, headers=PART, format="multipart")
    assert answer["HX-Trigger"] == "acted"
    assert "Added as" in text_of(answer)
    assert Camera.objects.get(slug="nikon-dsc-d750").address == "3001"


def test_a_camera_that_cannot_be_added_shows_the_reason_in_its_row(manager: Any, camera: Camera) -> None:
    answer = manager.post("/cameras/", {**NEW, "slug": "sky"}, headers=PART, format="multipart")
    assert answer.status_code == 200
    assert "There is a camera" in text_of(answer)


def test_without_scripts_adding_a_camera_opens_its_page(manager: Any, camera: Camera) -> None:
    answer = manager.post("/cameras/", NEW, format="multipart")
    assert answer.status_code == 302
    assert answer["Location"] == "/cameras/dome/"


@pytest.mark.parametrize("bad", [{"slug": "Dome!"}, {"slug": "detect"}, {"kind": "radio"}, {"address": "A B"}])
def test_invalid_input_stays_in_the_form_with_an_error(manager: Any, camera: Camera, bad: dict[str, str]) -> None:
    answer = manager.post("/cameras/", {**NEW, **bad}, format="multipart")
    assert answer.status_code == 400
    assert 'role="alert"' in text_of(answer)
    assert 'value="Dome"' in text_of(answer)
    assert Camera.objects.count() == 1


def test_a_password_that_was_typed_is_not_shown_again(manager: Any, camera: Camera) -> None:
    typed = {**NEW, "slug": "sky", "kind": "network", "address": "rtsp://me:hunter2@10.0.0.9/live"}
    answer = text_of(manager.post("/cameras/", typed, format="multipart"))
    assert "There is a camera" in answer
    assert "10.0.0.9" in answer
    assert "hunter2" not in answer


@pytest.mark.parametrize(
    "address", ["rtsp://me:hun/ter2@10.0.0.9/live", "rtsp://me:a@hun/ter2@cam", "me:hunter2@10.0.0.9/"]
)
def test_a_password_in_an_unreadable_address_is_not_shown_again(manager: Any, camera: Camera, address: str) -> None:
    answer = text_of(manager.post("/cameras/", {**NEW, "kind": "network", "address": address}, format="multipart"))
    assert 'role="alert"' in answer
    assert "ter2" not in answer


def test_the_panel_says_that_nothing_was_found_or_no_host_answered(manager: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, host_with()):
        assert "No camera was found." in text_of(manager.post("/cameras/detect/"))
    assert "The camera host main does not answer." in text_of(manager.post("/cameras/detect/"))


def test_the_panel_says_that_the_broker_is_down(manager: Any, camera: Camera) -> None:
    assert "does not answer" in text_of(manager.post("/cameras/detect/", headers=PART))


def test_what_was_found_is_valid_html_and_text_alone(
    html_validate: Path, manager: Any, camera: Camera, valkey: Any, tmp_path: Path
) -> None:
    odd = found("usb:001,002", model=MARKUP, serial="", held_by="gvfsd-gphoto2 (pid 77)")
    with camera_host(valkey, host_with(found("3001"), odd, found("3002", camera="sky"), opencv=MARKUP)):
        (tmp_path / "found.html").write_text(text_of(manager.post("/cameras/detect/")))
    assert MARKUP not in (tmp_path / "found.html").read_text()
    assert html_errors(html_validate, tmp_path) == ""


def test_only_a_manager_sees_the_faults_of_a_simulated_camera(manager: Any, operator: Any, camera: Camera) -> None:
    assert "Simulate faults" in text_of(manager.get("/cameras/sky/"))
    assert "Simulate faults" not in text_of(operator.get("/cameras/sky/"))
    Camera.objects.update(kind="gphoto2")
    assert "Simulate faults" not in text_of(manager.get("/cameras/sky/"))
    assert manager.get("/cameras/sky/faults/").status_code == 404


def test_faults_are_switched_on_from_the_panel(manager: Any, camera: Camera, valkey: Any) -> None:
    filled = {"hang": "2", "slow": "1,5", "disconnect": "on", "temperature": "-12.5"}
    with camera_host(valkey, {"faults": {"faults": {"hang": 2}}}) as commands:
        answer = manager.post("/cameras/sky/faults/", filled, headers=PART, format="multipart")
    asked = {"hang": 2, "slow": 1.5, "disconnect": True, "temperature": -12.5}
    assert commands[0]["arguments"]["faults"] == asked
    assert "The faults apply from the next picture." in text_of(answer)


def test_clearing_all_faults_ignores_the_fields_of_the_form(manager: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, {"faults": {"faults": {}}}) as commands:
        manager.post("/cameras/sky/faults/", {"hang": "often", "do": "clear"}, format="multipart")
    assert commands[0]["arguments"]["faults"] == {}


def test_an_invalid_fault_is_an_error_at_its_field(manager: Any, camera: Camera) -> None:
    answer = manager.post("/cameras/sky/faults/", {"hang": "often", "slow": "-1"}, headers=PART, format="multipart")
    assert answer.status_code == 400
    assert "2 to correct" in text_of(answer)
