"""The passwords of network cameras: encrypted in the row, shown nowhere, and sent only to their own host."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from cameras.models import Camera
from cameras.supervision.desired_state import desired_states
from captures.roots.roots import ensure_default_root
from core.events.models import Event
from tests.harness.rows.cameras import add_camera, change_camera

SECRET = "sesame-open"
ADDRESS = f"rtsp://viewer:{SECRET}@10.0.0.9:554/live"
SHOWN = "rtsp://viewer:***@10.0.0.9:554/live"


@pytest.fixture
def camera(db: None, tmp_path: Path) -> Camera:
    ensure_default_root(tmp_path)
    return add_camera(slug="yard", kind="network", address=ADDRESS)


def another_key() -> Any:
    return override_settings(STATION=settings.STATION.model_copy(update={"address_secret": "k" * 40}))


def row(camera: Camera) -> str:
    """All that the database has of it."""
    return json.dumps(Camera.objects.filter(pk=camera.pk).values().get(), default=str)


def whole(camera: Camera) -> str:
    return Camera.objects.get(pk=camera.pk).full_address


def test_the_row_has_the_address_without_its_password(camera: Camera) -> None:
    assert SECRET not in row(camera)
    assert Camera.objects.get().address == SHOWN


def test_the_cameras_process_gets_the_password(camera: Camera) -> None:
    desired = desired_states(camera.host)[str(camera.id)]
    assert desired.spec(None)["address"] == ADDRESS
    assert SECRET not in repr(desired)


def test_neither_events_nor_logs_hold_the_password(camera: Camera, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    change_camera(camera, {"address": ADDRESS.replace("live", "other")}, "ada")
    desired_states(camera.host)
    assert SECRET not in caplog.text + json.dumps(list(Event.objects.values()), default=str)


def test_an_address_sent_back_as_it_is_shown_keeps_its_password(camera: Camera) -> None:
    change_camera(camera, {"address": SHOWN, "name": "Yard"})
    assert whole(camera) == ADDRESS


def test_another_path_on_the_same_place_keeps_the_password(camera: Camera) -> None:
    change_camera(camera, {"address": SHOWN.replace("live", "second")})
    assert whole(camera) == ADDRESS.replace("live", "second")


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://viewer:***@10.0.0.66:554/live",
        "rtsp://viewer:***@10.0.0.9:8554/live",
        "rtsp://other:***@10.0.0.9:554/live",
        "http://viewer:***@10.0.0.9:554/live",
    ],
)
def test_the_password_is_not_sent_to_another_host(camera: Camera, address: str) -> None:
    with pytest.raises(ValidationError, match=r"because the place rtsp://viewer@10\.0\.0\.9:554 changes"):
        change_camera(camera, {"address": address})
    assert whole(camera) == ADDRESS


def test_a_change_of_the_row_sends_the_password_to_no_other_host(camera: Camera) -> None:
    Camera.objects.update(address=SHOWN.replace("10.0.0.9", "10.0.0.66"))
    assert SECRET not in whole(camera)


def test_an_address_without_a_password_has_none_from_then_on(camera: Camera) -> None:
    change_camera(camera, {"address": "rtsp://10.0.0.9:554/live"})
    assert whole(camera) == "rtsp://10.0.0.9:554/live"
    assert Camera.objects.get().encrypted_address == ""
    with pytest.raises(ValidationError, match=r"No password is stored for a \*\*\*"):
        change_camera(Camera.objects.get(), {"address": "rtsp://:***@10.0.0.9:554/live"})


def test_a_new_camera_cannot_have_a_password_that_is_not_given(db: None) -> None:
    with pytest.raises(ValidationError, match="Write the password itself there"):
        add_camera(slug="yard", kind="network", address=SHOWN)


def test_a_bad_address_is_refused_without_being_repeated(db: None) -> None:
    with pytest.raises(ValidationError) as refusal:
        add_camera(slug="yard", kind="network", address=f"ftp://viewer:{SECRET}@10.0.0.9/live")
    assert SECRET not in str(refusal.value)


def test_a_lost_key_is_reported_by_the_camera_process(camera: Camera) -> None:
    with another_key():
        assert desired_states(camera.host)[str(camera.id)].address == SHOWN


def test_other_fields_can_be_changed_without_the_key(camera: Camera) -> None:
    with another_key():
        change_camera(camera, {"name": "Yard", "primary": True})
        with pytest.raises(ValidationError, match="the station's key for it is lost or has changed"):
            change_camera(camera, {"address": SHOWN.replace("live", "second")})
        change_camera(camera, {"address": ADDRESS})
        assert whole(camera) == ADDRESS


def test_the_key_is_kept_in_the_data_folder_for_its_owner_alone() -> None:
    file = settings.STATION.data / "address-secret"
    assert file.read_text().strip() == settings.STATION.address_secret
    assert file.stat().st_mode & 0o777 == 0o600


def test_two_stations_have_two_keys(tmp_path: Path) -> None:
    ask = "import sys; from skycam_project.config import load_config; print(load_config().address_secret)"
    keys = []
    for data in ("one", "two"):
        environment = {"SKYCAM_DATA": str(tmp_path / data), "PATH": ""}
        keys.append(
            subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, check=True).stdout
        )
    assert keys[0] != keys[1]


texts = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1, max_size=30
)


@given(secret=texts)
def test_any_password_can_be_encrypted_and_decrypted(secret: str) -> None:
    from cameras.drivers.credentials import with_password

    address = with_password("rtsp://viewer@10.0.0.9/live", secret)
    camera = Camera()
    camera.store_address(address)
    assert camera.address == "rtsp://viewer:***@10.0.0.9/live"
    assert camera.full_address == address


@given(encrypted=st.text(max_size=200))
def test_a_damaged_secret_is_a_sentence(encrypted: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|No password is stored"):
        Camera(encrypted_address=encrypted).fill_address(SHOWN)
