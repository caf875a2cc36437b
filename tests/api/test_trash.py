"""The trash of captures over the API and on the command line."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Capture, StorageRoot
from tests.harness.rows.audiences import only_for
from tests.harness.rows.captures import file_of, saved

URL = "/api/v1/captures/"


@pytest.fixture
def capture(camera: Camera, root: StorageRoot) -> Capture:
    return file_of(saved(camera), root).capture


def test_a_deleted_capture_is_in_the_trash_and_in_no_list(manager: Any, viewer: Any, capture: Capture) -> None:
    answer = manager.delete(f"{URL}{capture.pk}/")
    assert answer.status_code == 200
    assert answer.json()["trashed_by"] == "a-manager"
    assert viewer.get(URL).json()["results"] == []
    assert [one["id"] for one in manager.get(f"{URL}trash/").json()["results"]] == [str(capture.pk)]
    assert viewer.get(f"{URL}{capture.pk}/").json()["trashed"] is not None


def test_only_managers_get_files_of_a_capture_in_the_trash(manager: Any, viewer: Any, capture: Capture) -> None:
    manager.delete(f"{URL}{capture.pk}/")
    assert manager.get(f"{URL}{capture.pk}/file/").status_code == 200
    assert viewer.get(f"{URL}{capture.pk}/file/").status_code == 404


def test_the_card_of_a_camera_shows_no_picture_from_the_trash(manager: Any, viewer: Any, capture: Capture) -> None:
    assert f"{capture.pk}/thumbnail/" in viewer.get("/").content.decode()
    manager.delete(f"{URL}{capture.pk}/")
    assert f"{capture.pk}/thumbnail/" not in viewer.get("/").content.decode()


def test_a_restored_capture_is_in_the_lists_again(manager: Any, viewer: Any, capture: Capture) -> None:
    manager.delete(f"{URL}{capture.pk}/")
    answer = manager.post(f"{URL}{capture.pk}/restore/")
    assert answer.json()["trashed"] is None
    assert [one["id"] for one in viewer.get(URL).json()["results"]] == [str(capture.pk)]
    assert manager.post(f"{URL}{capture.pk}/restore/").json()["type"] == "/problems/not-in-trash"


def test_a_pinned_capture_stays(manager: Any, operator: Any, capture: Capture) -> None:
    assert operator.patch(f"{URL}{capture.pk}/", {"pinned": True}).json()["pinned"] is True
    answer = manager.delete(f"{URL}{capture.pk}/")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "The capture is not moved to the trash: it is pinned; an operator can unpin it."
    assert Capture.objects.present().count() == 1


def test_an_unknown_name_in_the_body_of_a_pin_is_refused(operator: Any, capture: Capture) -> None:
    answer = operator.patch(f"{URL}{capture.pk}/", {"pinned": True, "trashed": None})
    assert answer.status_code == 400
    assert not Capture.objects.get().pinned


def test_the_trash_can_be_limited_to_a_camera(manager: Any, camera: Camera, capture: Capture) -> None:
    Camera.objects.create(slug="dome", name="Dome", kind="simulated", host="main")
    manager.delete(f"{URL}{capture.pk}/")
    assert len(manager.get(f"{URL}trash/?camera=sky").json()["results"]) == 1
    assert manager.get(f"{URL}trash/?camera=dome").json()["results"] == []
    assert manager.get(f"{URL}trash/?camera=none").status_code == 400


def test_an_operator_who_may_not_see_the_camera_cannot_pin(operator: Any, camera: Camera, capture: Capture) -> None:
    only_for(camera)
    assert operator.patch(f"{URL}{capture.pk}/", {"pinned": True}).status_code == 404
