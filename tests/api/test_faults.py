"""The faults of a simulated camera over the API: who may set them, what is refused, and which events they write."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from core.events.models import Event
from tests.harness.far_ends.camera_host import camera_host

URL = "/api/v1/cameras/sky/faults/"


def test_a_manager_enables_faults_and_gets_the_enabled_ones(manager: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, {"faults": {"faults": {"hang": 2, "slow": 1.5}}}) as commands:
        answer = manager.put(URL, {"hang": 2, "slow": 1.5, "crash": None, "disconnect": False})
    assert answer.json() == {"camera": "sky", "faults": {"hang": 2, "slow": 1.5}}
    assert commands[0]["arguments"]["faults"] == {"hang": 2, "slow": 1.5}
    event = Event.objects.get(kind="camera.faults")
    assert event.actor == "a-manager"
    assert event.severity == "warning"
    assert event.data["outcome"] == "done"
    assert event.data["faults"] == event.data["arguments"] == {"hang": 2, "slow": 1.5}
    assert event.message == "a-manager switched on the faults hang (2), slow (1.5) of sky."


def test_clearing_them_is_an_event_too(manager: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, {"faults": {"faults": {}}}):
        assert manager.put(URL, {}).json()["faults"] == {}
    assert Event.objects.get(kind="camera.faults").message == "a-manager cleared the faults of sky."


def test_reading_them_changes_nothing(manager: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, {"faults": {"faults": {"disconnect": True}}}) as commands:
        assert manager.get(URL).json()["faults"] == {"disconnect": True}
    assert "faults" not in commands[0]["arguments"]
    assert not Event.objects.filter(kind="camera.faults").exists()


@pytest.mark.parametrize("faults", [{"flood": True}, {"hang": 0}, {"slow": "long"}, {"crash": 2.5}, [], "hang"])
def test_faults_that_do_not_exist_are_refused(manager: Any, camera: Camera, faults: Any) -> None:
    assert manager.put(URL, faults).status_code == 400


@pytest.mark.parametrize("method", ["get", "put"])
def test_a_real_camera_has_no_faults(manager: Any, camera: Camera, method: str) -> None:
    Camera.objects.update(kind="gphoto2")
    answer = getattr(manager, method)(URL, {})
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/invalid"
    assert "sky is a real camera." in str(answer.json())


def test_a_host_that_does_not_answer_is_reported(manager: Any, camera: Camera, valkey: Any) -> None:
    assert manager.put(URL, {"hang": 1}).json()["type"] == "/problems/host-down"
    assert not Event.objects.filter(kind="camera.faults").exists()
    assert Event.objects.get(kind="command.failed").data["outcome"] == "host-down"
