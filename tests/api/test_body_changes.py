"""A setting that was changed on the camera's body: shown, told once, and adopted on request."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from cameras.supervision.readings import store_read_back
from monitoring.models import Event
from tests.api.test_presets import configured
from tests.fakes.camera_host import camera_host

URL = "/api/v1/cameras/sky/settings/"
CHANGE = {"name": "gain", "wished": 2.0, "has": 4.0}


@pytest.fixture
def turned(camera: Camera) -> Camera:
    camera.settings = {"gain": 2.0, "exposure_us": 1000}
    camera.save()
    read(camera, CHANGE)
    camera.refresh_from_db()
    return camera


def read(camera: Camera, *differs: Any) -> None:
    """What the camera's process says of itself."""
    actual = {"gain": differs[0]["has"] if differs else 2.0, "exposure_us": 1000}
    store_read_back(str(camera.pk), {"actual": actual, "read_at": "2026-11-20T20:00:00Z", "differs": list(differs)})


def events() -> list[str]:
    return list(Event.objects.filter(kind="camera.settings").values_list("message", flat=True))


def test_the_settings_show_the_desired_ones_what_the_camera_has_and_the_change(viewer: Any, turned: Camera) -> None:
    body = viewer.get(URL).json()
    assert (body["desired"]["gain"], body["actual"]["gain"], body["differs"]) == (2.0, 4.0, [CHANGE])


def test_a_change_is_one_event_and_another_change_is_another(turned: Camera) -> None:
    read(turned, CHANGE)
    read(turned, CHANGE)
    read(turned, {**CHANGE, "has": 8.0})
    assert events() == [
        f"gain of sky was changed on the camera itself: it has {has}, and 2.0 is desired. Adopt it, or apply yours "
        "again."
        for has in (8.0, 4.0)
    ]


def test_a_change_back_ends_it_without_an_event(viewer: Any, turned: Camera) -> None:
    read(turned)
    assert (viewer.get(URL).json()["differs"], len(events())) == ([], 1)


def test_a_change_of_a_setting_that_is_desired_otherwise_by_now_is_none(viewer: Any, turned: Camera) -> None:
    Camera.objects.update(settings={"gain": 8.0})
    read(turned, CHANGE)
    assert (viewer.get(URL).json()["differs"], len(events())) == ([], 1)


def test_a_camera_that_was_removed_meanwhile_is_ignored(turned: Camera) -> None:
    pk = str(turned.pk)
    turned.delete()
    store_read_back(pk, {"actual": {}, "read_at": "2026-11-20T20:00:00Z", "differs": []})
    assert not Camera.objects.exists()


def test_adopting_it_makes_it_desired(operator: Any, turned: Camera, valkey: Any) -> None:
    with camera_host(valkey, configured(actual={"gain": 4.0})) as commands:
        body = operator.post(f"{URL}adopt/").json()
    assert commands[0]["arguments"]["settings"] == {"gain": 4.0, "exposure_us": 1000}
    assert (body["desired"]["gain"], body["differs"]) == (4.0, [])
    assert events()[0] == "a-operator adopted gain to 4.0 from the body of sky."


def test_applying_ones_own_again_changes_no_desired_setting(operator: Any, turned: Camera, valkey: Any) -> None:
    with camera_host(valkey, configured(actual={"gain": 2.0})) as commands:
        body = operator.patch(URL, {}).json()
    assert commands[0]["arguments"]["settings"] == {"gain": 2.0, "exposure_us": 1000}
    assert (body["actual"], body["differs"]) == ({"gain": 2.0}, [])


def test_where_nothing_was_changed_there_is_nothing_to_adopt(operator: Any, camera: Camera) -> None:
    answer = operator.post(f"{URL}adopt/")
    assert answer.status_code == 400
    assert "None of the desired settings was changed on sky itself." in str(answer.json())
    assert not events()


def test_a_value_that_is_no_valid_setting_is_not_adopted(operator: Any, turned: Camera) -> None:
    read(turned, {**CHANGE, "has": -5.0})
    assert operator.post(f"{URL}adopt/").status_code == 400
    assert Camera.objects.get().settings["gain"] == 2.0
