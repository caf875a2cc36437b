"""The façade for programs: what it says of the station's health."""

from __future__ import annotations

from typing import Any

from cameras.models import Camera
from cameras.status import status
from cameras.status.messages import absent_status
from captures.camera_service import CameraService


def test_the_health_counts_the_cameras_that_record(camera: Camera, valkey: Any) -> None:
    Camera.objects.create(slug="dome", name="Dome", kind="simulated", host=camera.host)
    for slug, recording in (("sky", True), ("dome", False)):
        status.write_status(
            valkey, absent_status(slug, "connected", "") | {"observed": "ready", "recording": recording}
        )  # fmt: skip
    health = CameraService.health_check()
    assert (health["active_threads"], health["recording"]) == (1, ["sky"])
    assert {*health} >= {"storage", "free_disk_space_gb", "timestamp"}


def test_without_the_broker_it_is_not_known_which_cameras_record(camera: Camera) -> None:
    health = CameraService.health_check()
    assert (health["active_threads"], health["recording"]) == (None, None)
