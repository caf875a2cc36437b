"""Presets of settings over the API: saved by name, applied, compared; what is refused changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from cameras.models import Camera, SettingsPreset
from cameras.settings.presets import MAX_PRESETS
from core.events.models import Event
from tests.harness.far_ends.camera_host import camera_host, configured

URL = "/api/v1/cameras/sky/presets/"
NIGHT = {"exposure_us": 8_000_000, "gain": 2.0}


@pytest.fixture
def night(camera: Camera) -> SettingsPreset:
    return SettingsPreset.objects.create(kind="simulated", name="Moonless night", settings=NIGHT)


def test_an_operator_saves_the_desired_settings(operator: Any, camera: Camera) -> None:
    Camera.objects.update(settings=NIGHT)
    answer = operator.post(URL, {"name": " Moonless night "})
    body = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"{URL}Moonless%20night/"
    assert body["name"] == "Moonless night"
    assert body["kind"] == "simulated"
    assert body["settings"] == NIGHT
    assert operator.get(answer["Location"]).json() == body
    assert operator.get(URL).json() == {"results": [body]}
    assert Event.objects.get().message == "a-operator saved the preset 'Moonless night' for simulated cameras."


def test_given_settings_are_saved_instead(operator: Any, camera: Camera) -> None:
    assert operator.post(URL, {"name": "Dusk", "settings": {"gain": 3}}).json()["settings"] == {"gain": 3.0}


def test_another_camera_of_the_kind_shares_the_preset(viewer: Any, night: SettingsPreset) -> None:
    Camera.objects.create(slug="dome", kind="simulated", host=settings.STATION.host)
    assert viewer.get("/api/v1/cameras/dome/presets/Moonless night/").json()["settings"] == NIGHT


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": ".."}, "name"),
        ({"name": "n" * 61}, "name"),
        ({"name": "Moonless night"}, "name"),
        ({"name": "Dusk", "settings": {}}, "settings"),
        ({"name": "Dusk", "settings": {"gain": -1}}, "settings"),
        ({"name": "Dusk", "settings": {"colour": 1}}, "settings"),
        ({"name": "Dusk", "settings": "fast"}, "settings"),
        ({}, "name"),
        ({"name": "Dusk", "kind": "gphoto2"}, "kind"),
    ],
)
def test_a_bad_preset_is_refused_by_field(operator: Any, night: SettingsPreset, body: Any, field: str) -> None:
    answer = operator.post(URL, {"settings": {"gain": 1}, **body})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert list(SettingsPreset.objects.values_list("settings", flat=True)) == [NIGHT]


def test_without_desired_settings_there_is_nothing_to_save(operator: Any, camera: Camera) -> None:
    answer = operator.post(URL, {"name": "Dusk"})
    assert "sky has no desired settings" in answer.json()["errors"][0]["message"]
    assert not SettingsPreset.objects.exists()


def test_the_settings_of_a_preset_can_be_replaced(operator: Any, night: SettingsPreset) -> None:
    assert operator.put(f"{URL}Moonless night/", {"settings": {"gain": 5}}).json()["settings"] == {"gain": 5.0}
    assert operator.put(f"{URL}Moonless night/", {"settings": {"gain": "much"}}).status_code == 400
    assert SettingsPreset.objects.get().settings == {"gain": 5.0}


def test_applying_a_preset_sets_exactly_its_settings(operator: Any, night: SettingsPreset, valkey: Any) -> None:
    Camera.objects.update(settings={"width": 640})
    warning = "8 s was requested; the camera's nearest is 4 s."
    with camera_host(valkey, configured(actual={"exposure_us": 4_000_000}, warnings=[warning])) as commands:
        body = operator.post(f"{URL}Moonless night/apply/").json()
    assert commands[0]["arguments"]["settings"] == NIGHT == Camera.objects.get().settings
    assert body["desired"] == NIGHT
    assert body["actual"] == {"exposure_us": 4_000_000}
    assert body["warnings"] == [warning]
    assert body["read_at"] == "2026-11-20T20:00:00.000Z"


def test_settings_of_a_preset_that_do_not_reach_the_host_are_still_stored(operator: Any, night: SettingsPreset) -> None:
    assert operator.post(f"{URL}Moonless night/apply/").json()["type"] == "/problems/broker-down"
    assert Camera.objects.get().settings == NIGHT


@pytest.mark.parametrize(("method", "rest"), [("post", "apply/"), ("get", "compare/"), ("put", ""), ("delete", "")])
def test_a_preset_of_another_kind_is_not_found_with_the_reason(
    operator: Any, camera: Camera, method: str, rest: str
) -> None:
    SettingsPreset.objects.create(kind="gphoto2", name="Stars", settings={"iso": 1600})
    answer = getattr(operator, method)(f"{URL}Stars/{rest}", {})
    assert answer.status_code == 404
    assert "There is one for gphoto2 cameras, which have other settings." in answer.json()["detail"]
    assert Camera.objects.get().settings == {}
    assert SettingsPreset.objects.count() == 1


def test_a_comparison_shows_the_differences(viewer: Any, night: SettingsPreset) -> None:
    desired = {"exposure_us": 8_000_000, "gain": 4.0, "fps": 10.0}
    Camera.objects.update(settings=desired, read_back={"exposure_us": 8_000_000, "gain": 4.0}, read_at=timezone.now())
    body = viewer.get(f"{URL}Moonless night/compare/").json()
    rows = [(row["name"], row["preset"], row["desired"], row["actual"], row["differs"]) for row in body["results"]]
    assert rows == [
        ("exposure_us", 8_000_000, 8_000_000, 8_000_000, False),
        ("fps", None, 10.0, None, True),
        ("gain", 2.0, 4.0, 4.0, True),
    ]
    assert body["differs"]


def test_a_camera_that_has_another_value_than_preset_and_desired_settings_differs(
    viewer: Any, night: SettingsPreset
) -> None:
    Camera.objects.update(settings=NIGHT, read_back={"exposure_us": 4_000_000, "gain": 2.0})
    found = viewer.get(f"{URL}Moonless night/compare/").json()["results"]
    assert [(row["name"], row["differs"]) for row in found] == [("exposure_us", True), ("gain", False)]


def test_deleting_a_preset_changes_no_camera(operator: Any, night: SettingsPreset) -> None:
    Camera.objects.update(settings=NIGHT)
    assert operator.delete(f"{URL}Moonless night/").status_code == 204
    assert operator.delete(f"{URL}Moonless night/").status_code == 404
    assert Camera.objects.get().settings == NIGHT
    assert SettingsPreset.objects.count() == 0
    assert Event.objects.get().message == "a-operator deleted the preset 'Moonless night' for simulated cameras."


def test_the_number_of_presets_is_limited_to_one_page(operator: Any, night: SettingsPreset) -> None:
    more = [SettingsPreset(kind="simulated", name=f"p {number}", settings=NIGHT) for number in range(MAX_PRESETS - 1)]
    SettingsPreset.objects.bulk_create(more)
    answer = operator.post(URL, {"name": "Dusk", "settings": NIGHT}, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "name"
    assert "Delete one that is not needed." in answer.json()["detail"]
    assert operator.put(f"{URL}p 3/", {"settings": {"gain": 3}}, format="json").status_code == 200


def test_the_event_of_an_application_names_the_preset(operator: Any, night: SettingsPreset) -> None:
    operator.post(f"{URL}Moonless night/apply/")
    event = Event.objects.get(kind="camera.settings")
    assert event.message.endswith("on sky, from the preset 'Moonless night'.")
    assert event.data["arguments"] == {"preset": "Moonless night", "settings": NIGHT}
