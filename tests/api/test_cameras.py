from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from cameras.models import Camera
from cameras.status import status
from cameras.status.messages import absent_status
from core.broker import broker
from core.events.models import Event
from tests.harness.far_ends.camera_host import camera_host

URL = "/api/v1/cameras/"


def test_a_manager_adds_a_camera(manager: Any, camera: Camera) -> None:
    answer = manager.post(URL, {"slug": "dome", "kind": "simulated", "name": "Dome"})
    body = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"{URL}dome/"
    assert body["slug"] == "dome"
    assert body["name"] == "Dome"
    assert body["host"] == settings.STATION.host
    assert body["primary"] is False
    assert manager.get(f"{URL}dome/").json() == body
    assert Event.objects.get().actor == "a-manager"


def test_a_manager_changes_only_the_named_fields(manager: Any, camera: Camera) -> None:
    before = manager.get(f"{URL}sky/").json()
    after = manager.patch(f"{URL}sky/", {"name": "All sky", "enabled": False}).json()
    assert after == before | {"name": "All sky", "enabled": False, "desired": "disabled"}


def test_a_change_without_a_field_writes_no_event(manager: Any, camera: Camera) -> None:
    before = manager.get(f"{URL}sky/").json()
    answer = manager.patch(f"{URL}sky/", {})
    assert answer.status_code == 200
    assert answer.json() == before
    assert Event.objects.count() == 0


@pytest.mark.parametrize("change", [{"slug": "other"}, {"kind": "opencv"}, {"name": ""}, {"enabled": "yes"}])
def test_unchangeable_fields_are_refused(manager: Any, camera: Camera, change: dict[str, Any]) -> None:
    answer = manager.patch(f"{URL}sky/", change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == next(iter(change))


def test_only_one_camera_is_primary(manager: Any, camera: Camera) -> None:
    manager.post(URL, {"slug": "dome", "kind": "simulated", "primary": True})
    assert list(Camera.objects.filter(primary=True).values_list("slug", flat=True)) == ["dome"]


def test_an_address_is_shown_only_to_managers_and_without_its_password(
    viewer: Any, operator: Any, manager: Any, camera: Camera
) -> None:
    Camera.objects.update(address="rtsp://me:secret@10.0.0.9/live")
    assert manager.get(f"{URL}sky/").json()["address"] == "rtsp://me:***@10.0.0.9/live"
    assert [one.get(f"{URL}sky/").json()["address"] for one in (viewer, operator)] == [None, None]


def test_the_status_is_what_the_host_wrote(viewer: Any, camera: Camera, valkey: Any) -> None:
    written = absent_status("sky", "connected", "")
    written["observed"], written["temperature_celsius"] = "ready", -4.5
    status.write_status(valkey, written)
    assert viewer.get(f"{URL}sky/status/").json() == written
    assert viewer.get("/api/camera/status/").json() == written


def test_a_host_that_writes_nothing_is_down(viewer: Any, camera: Camera, valkey: Any) -> None:
    assert viewer.get(f"{URL}sky/status/").json()["observed"] == "host_down"


def observed(viewer: Any) -> dict[str, Any]:
    [body] = viewer.get(URL).json()["results"]
    return {name: body[name] for name in ("observed", "reason", "since")}


def test_the_list_has_what_the_host_reports_and_not_what_was_recorded(viewer: Any, camera: Camera, valkey: Any) -> None:
    Camera.objects.update(observed="busy")
    written = absent_status("sky", "connected", "")
    status.write_status(valkey, {**written, "observed": "ready", "since": "2026-11-27T20:00:00Z"})
    assert observed(viewer) == {"observed": "ready", "reason": "", "since": "2026-11-27T20:00:00Z"}
    assert viewer.get(f"{URL}sky/").json()["observed"] == "ready"


def test_the_list_says_that_a_host_is_away(viewer: Any, camera: Camera, valkey: Any) -> None:
    Camera.objects.update(observed="ready")
    assert observed(viewer) == {"observed": "host_down", "reason": "The camera host does not answer.", "since": None}


def test_a_camera_that_its_host_has_not_read_yet_has_its_recorded_state(
    viewer: Any, camera: Camera, valkey: Any
) -> None:
    Camera.objects.update(observed="disconnected")
    valkey.set(broker.key("host", camera.host), "{}")
    assert observed(viewer)["observed"] == "disconnected"


def test_actual_settings_are_the_last_ones_read_back_with_their_time(viewer: Any, camera: Camera) -> None:
    Camera.objects.update(read_back={"exposure_us": 1000}, read_at=timezone.now(), settings={"exposure_us": 900})
    body = viewer.get(f"{URL}sky/settings/").json()
    assert body["camera"] == "sky"
    assert body["desired"] == {"exposure_us": 900}
    assert body["actual"] == {"exposure_us": 1000}
    assert body["read_at"].endswith("Z")


def test_settings_that_do_not_reach_the_host_are_still_stored(operator: Any, camera: Camera) -> None:
    assert operator.patch(f"{URL}sky/settings/", {"exposure_us": 2000}).status_code == 503
    camera.refresh_from_db()
    assert camera.settings["exposure_us"] == 2000


@pytest.mark.parametrize("values", [{"colour": 1}, {"exposure_us": "long"}, [1], "fast"])
def test_unknown_settings_are_refused(operator: Any, camera: Camera, values: Any) -> None:
    assert operator.put(f"{URL}sky/settings/", values).status_code == 400
    camera.refresh_from_db()
    assert camera.settings == {}


def test_a_refresh_fails_when_the_camera_cannot_be_read(viewer: Any, camera: Camera) -> None:
    assert viewer.get(f"{URL}sky/settings/?refresh=1").json()["type"] == "/problems/broker-down"
    assert viewer.get(f"{URL}sky/settings/?refresh=perhaps").status_code == 400


def test_a_refresh_reads_and_sets_nothing(viewer: Any, camera: Camera, valkey: Any) -> None:
    read = {"actual": {"gain": 1.5}, "warnings": [], "read_at": "2026-11-20T20:00:00.000Z", "differs": []}
    with camera_host(valkey, {"read": read}) as commands:
        body = viewer.get(f"{URL}sky/settings/?refresh=1").json()
    assert body == {"camera": "sky", "desired": {}, **read}
    assert [(command["order"], set(command["arguments"])) for command in commands] == [("read", set())]


def test_capabilities_include_the_schema_of_the_settings(viewer: Any, camera: Camera) -> None:
    Camera.objects.update(capabilities={"stills": True})
    body = viewer.get(f"{URL}sky/capabilities/").json()
    assert body["capabilities"] == {"stills": True}
    assert body["kind"] == "simulated"
    assert "exposure_us" in body["settings"]["properties"]
