"""Where a camera's address may lead: checked when it is saved, and again by the camera's process as it connects."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError

from cameras.models import Camera
from cameras.supervision.desired_state import desired_states
from captures.roots.roots import ensure_default_root
from tests.harness.rows.cameras import change_camera

pytestmark = pytest.mark.django_db


def camera(address: str) -> Camera:
    return Camera(slug=f"yard-{uuid.uuid4().hex[:8]}", name="Yard", kind="network", address=address, host="main")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("rtsp://169.254.169.254/live", "a cloud metadata address"),
        ("http://0.0.0.0:8080/video", "an unspecified address, which is refused"),
        ("http://[::ffff:169.254.7.7]/video", "a link-local address, which is refused"),
        ("tcp://127.1:5000", "neither a name nor an IP address"),
        ("rtsp://2130706433/live", "neither a name nor an IP address"),
    ],
)
def test_an_address_that_leads_to_no_camera_is_not_saved(address: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        camera(address).full_clean()


def test_the_stations_own_ports_are_refused_as_cameras() -> None:
    with pytest.raises(ValidationError, match="of the station itself, which is always refused"):
        camera(f"http://127.0.0.1:{settings.STATION.web.port}/video").full_clean()


@pytest.mark.parametrize(
    "address",
    ["rtsp://192.168.1.20/live", "http://127.0.0.1:8554/video", "rtsp://camera.lab/live", "udp://239.0.0.1:5000"],
)
def test_a_camera_is_saved(address: str) -> None:
    camera(address).full_clean()


def test_a_camera_that_was_saved_before_can_still_be_renamed() -> None:
    saved = camera("rtsp://169.254.7.7/live")
    saved.save()
    assert change_camera(saved, {"name": "Gate"}).name == "Gate"


def test_the_camera_process_gets_the_rules_for_addresses(tmp_path: Path) -> None:
    ensure_default_root(tmp_path)
    saved = camera("rtsp://192.168.1.20/live")
    saved.save()
    spec = desired_states("main")[str(saved.pk)].spec(None)
    assert spec["outgoing"] == settings.STATION.outgoing.rules()
    assert settings.STATION.web.port in spec["outgoing"]["own_ports"]
