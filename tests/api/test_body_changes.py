"""A setting that was changed on the camera's body is shown, recorded once, and adopted on request."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from cameras.supervision.process_messages import store_read_back
from core.events.models import Event
from tests.harness.far_ends.camera_host import camera_host, configured

URL = "/api/v1/cameras/sky/settings/"
CHANGE = {"name": "gain", "wished": 2.0, "has": 4.0}


@pytest.fixture
def changed(camera: Camera) -> Camera:
    camera.settings = {"gain": 2.0, "exposure_us": 1000}
    camera.save()
    read(camera, CHANGE)
    camera.refresh_from_db()
    return camera


def read(camera: Camera, *differs: Any) -> None:
    """Store a report of the camera process."""
    actual = {"gain": differs[0]["has"] if differs else 2.0, "exposure_us": 1000}
    store_read_back(str(camera.pk), {"actual": actual, "read_at": "2026-11-20T20:00:00Z", "differs": list(differs)})


def events() -> list[str]:
    return list(Event.objects.filter(kind="camera.settings").values_list("message", flat=True))


def test_the_settings_show_desired_actual_and_changed_values(viewer: Any, changed: Camera) -> None:
    body = viewer.get(URL).json()
    assert body["desired"]["gain"] == 2.0
    assert body["actual"]["gain"] == 4.0
    assert body["differs"] == [CHANGE]


def test_each_change_is_one_event(changed: Camera) -> None:
    read(changed, CHANGE)
    read(changed, CHANGE)
    read(changed, {**CHANGE, "has": 8.0})
    assert events() == [
        f"gain of sky was changed on the camera itself: it has {has}, and 2.0 is desired. Adopt it, or apply yours "
        "again."
        for has in (8.0, 4.0)
    ]


def test_changing_the_setting_back_writes_no_event(viewer: Any, changed: Camera) -> None:
    read(changed)
    assert viewer.get(URL).json()["differs"] == []
    assert len(events()) == 1


def test_a_change_of_a_setting_with_a_new_desired_value_is_ignored(viewer: Any, changed: Camera) -> None:
    Camera.objects.update(settings={"gain": 8.0})
    read(changed, CHANGE)
    assert viewer.get(URL).json()["differs"] == []
    assert len(events()) == 1


def test_a_camera_that_was_removed_meanwhile_is_ignored(changed: Camera) -> None:
    pk = str(changed.pk)
    changed.delete()
    store_read_back(pk, {"actual": {}, "read_at": "2026-11-20T20:00:00Z", "differs": []})
    assert not Camera.objects.exists()


def test_adopting_a_change_makes_it_desired(operator: Any, changed: Camera, valkey: Any) -> None:
    with camera_host(valkey, configured(actual={"gain": 4.0})) as commands:
        body = operator.post(f"{URL}adopt/").json()
    assert commands[0]["arguments"]["settings"] == {"gain": 4.0, "exposure_us": 1000}
    assert body["desired"]["gain"] == 4.0
    assert body["differs"] == []
    assert events()[0] == "a-operator adopted gain to 4.0 from the body of sky."


def test_applying_the_desired_settings_again_does_not_change_them(operator: Any, changed: Camera, valkey: Any) -> None:
    with camera_host(valkey, configured(actual={"gain": 2.0})) as commands:
        body = operator.patch(URL, {}).json()
    assert commands[0]["arguments"]["settings"] == {"gain": 2.0, "exposure_us": 1000}
    assert body["actual"] == {"gain": 2.0}
    assert body["differs"] == []


def test_without_a_change_there_is_nothing_to_adopt(operator: Any, camera: Camera) -> None:
    answer = operator.post(f"{URL}adopt/")
    assert answer.status_code == 400
    assert "None of the desired settings was changed on sky itself." in str(answer.json())
    assert not events()


def test_an_invalid_value_is_not_adopted(operator: Any, changed: Camera) -> None:
    read(changed, {**CHANGE, "has": -5.0})
    assert operator.post(f"{URL}adopt/").status_code == 400
    assert Camera.objects.get().settings["gain"] == 2.0
