from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from cameras.models import Camera
from captures.models import StorageRoot
from monitoring.models import Sensor
from monitoring.sensor_management.services import remove_sensor
from skycam_project.access.models import User
from skycam_project.config import ConfigManager
from skycam_project.launch.first_start import ensure_admin, ensure_cameras, ensure_sensor, run_first_start

pytestmark = pytest.mark.django_db


def primary() -> str:
    return Camera.objects.present().get(primary=True).slug


def configure_camera(settings: Settings, folder: Path) -> None:
    (folder / "skycam.yaml").write_text("camera:\n  type: dslr\n  exposure_time: 8\n")
    settings.STATION = ConfigManager(folder / "skycam.yaml", environment={}, here=folder).config


def test_the_first_user_is_a_manager_with_a_generated_password() -> None:
    first = ensure_admin(None)
    admin = User.objects.get()
    assert admin.check_password(first["admin_password"])
    assert admin.is_superuser
    assert admin.may("manager")


def test_a_given_password_is_used_and_not_shown() -> None:
    assert ensure_admin("correct horse battery") == {"admin_created": True, "admin_password": None}
    assert User.objects.get().check_password("correct horse battery")


def test_a_station_with_users_gets_no_admin() -> None:
    User.objects.create_user("somebody")
    assert ensure_admin(None) == {"admin_created": False, "admin_password": None}


def test_a_new_station_has_the_simulated_camera_as_its_primary_one() -> None:
    ensure_cameras()
    assert [camera.kind for camera in Camera.objects.all()] == ["simulated"]
    assert primary() == "simulated"


def test_the_configured_camera_is_created_once_and_becomes_the_primary_one(settings: Settings, tmp_path: Path) -> None:
    ensure_cameras()
    configure_camera(settings, tmp_path)
    ensure_cameras()
    ensure_cameras()
    assert primary() == "dslr"
    assert Camera.objects.get(slug="dslr").kind == "gphoto2"
    assert Camera.objects.count() == 2


def test_changes_and_removals_by_an_operator_persist(settings: Settings, tmp_path: Path) -> None:
    configure_camera(settings, tmp_path)
    ensure_cameras()
    Camera.objects.filter(slug="dslr").update(primary=False, removed_at="2026-01-01T00:00Z")
    Camera.objects.filter(slug="simulated").update(primary=True, name="Mine")
    ensure_cameras()
    assert primary() == "simulated"
    assert Camera.objects.present().get().name == "Mine"


def test_an_unusable_folder_for_the_service_is_a_warning(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    variables = {"IMAGE_SAVE_PATH": "file/captures"}
    settings.STATION = ConfigManager(environment=variables, here=tmp_path).config
    run_first_start("correct horse battery")
    assert "warning: IMAGE_SAVE_PATH:" in capsys.readouterr().out
    assert [root.path for root in StorageRoot.objects.all()] == [str(tmp_path / "skycam-data" / "images")]


def configure_sensor(settings: Settings, folder: Path, text: str) -> None:
    (folder / "skycam.yaml").write_text(f"sensor:\n{text}")
    settings.STATION = ConfigManager(folder / "skycam.yaml", environment={}, here=folder).config


def test_the_configured_sensor_is_created_once(settings: Settings, tmp_path: Path) -> None:
    configure_sensor(settings, tmp_path, "  type: simulated\n  baud_rate: 9600\n  sampling_interval: 5\n")
    ensure_sensor()
    sensor = Sensor.objects.get()
    assert (sensor.name, sensor.kind, sensor.interval_s) == ("main", "simulated", 5.0)
    remove_sensor(sensor, "anna")
    ensure_sensor()
    assert not Sensor.objects.filter(removed_at=None).exists()


def test_a_station_without_a_sensor_in_its_file_gets_none(settings: Settings, tmp_path: Path) -> None:
    configure_sensor(settings, tmp_path, "  sampling_interval: 5\n")
    ensure_sensor()
    assert not Sensor.objects.exists()


def test_a_wrong_sensor_does_not_keep_the_station_from_starting(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_sensor(settings, tmp_path, "  type: simulated\n  port: /dev/ttyUSB0\n")
    ensure_sensor()
    assert "warning: sensor: port is not a setting of this kind" in capsys.readouterr().out
    assert not Sensor.objects.exists()


def test_the_sensor_of_the_seeds_file_is_created_with_a_detected_port(settings: Settings, tmp_path: Path) -> None:
    text = '  type: "digitemp"\n  port: null\n  baud_rate: 9600\n  sampling_interval: 2.0\n'
    configure_sensor(settings, tmp_path, text)
    ensure_sensor()
    assert Sensor.objects.get().settings == {"port": "", "program": "digitemp_DS9097"}
