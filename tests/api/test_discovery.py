"""Discovered cameras of every host: what uses each one, and under which id it can be added."""

from __future__ import annotations

from typing import Any

from cameras.discovery import service as discovery
from cameras.models import Camera
from tests.harness.far_ends.camera_host import camera_host, found, host_with

URL = "/api/v1/cameras/detect/"


def test_a_free_camera_has_a_suggested_id(manager: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, host_with(found("3001"), found("3002"))):
        body = manager.post(URL).json()
    assert [(one["host"], one["address"], one["suggested"]) for one in body["results"]] == [
        ("main", "3001", "nikon-dsc-d750"),
        ("main", "3002", "nikon-dsc-d750-2"),
    ]
    assert body["hosts"] == ["main"]
    assert body["problems"] == []


def test_added_and_held_cameras_are_marked(manager: Any, camera: Camera, valkey: Any) -> None:
    Camera.objects.create(slug="north", name="North", kind="gphoto2", host="main", identity={"serial": "3001"})
    Camera.objects.create(slug="south", name="South", kind="gphoto2", host="main", address="3002", enabled=False)
    others = found("usb:001,009", serial="", held_by="gvfsd-gphoto2 (pid 77)"), found("3004", camera="sky")
    with camera_host(valkey, host_with(found("3001"), found("3002"), *others)):
        results = manager.post(URL).json()["results"]
    assert [one["camera"] for one in results] == ["north", "south", None, "sky"]
    assert [one["held_by"] for one in results] == ["", "", "gvfsd-gphoto2 (pid 77)", ""]


def test_a_host_that_does_not_answer_is_a_problem_beside_the_other_hosts_results(
    manager: Any, camera: Camera, valkey: Any
) -> None:
    Camera.objects.create(slug="far", name="Far", kind="gphoto2", host="dome")
    with camera_host(valkey, host_with(found("3001"), opencv="No module named cv2.")):
        body = manager.post(URL).json()
    assert [one["address"] for one in body["results"]] == ["3001"]
    assert [(one["host"], one["kind"]) for one in body["problems"]] == [("dome", ""), ("main", "opencv")]
    assert "Start `skycam up` there." in body["problems"][0]["message"]


def test_without_a_broker_discovery_says_so(manager: Any, camera: Camera) -> None:
    answer = manager.post(URL)
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/broker-down"


def test_only_this_machine_is_searched_without_a_station(camera: Camera) -> None:
    alone = discovery.discover_local_cameras("The broker is away.")
    assert alone["problems"][0]["message"] == "The broker is away."
    assert {one["host"] for one in alone["results"]} <= {"main"}
