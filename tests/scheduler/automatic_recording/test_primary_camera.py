"""The primary camera records after each start of the station, if the configuration says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from cameras.models import Camera
from captures.recordings.claims.models import RecordingClaim
from core.station_settings import StationSetting, clear_cache
from skycam_project.config.recording import AutoRecordingConfig
from skycam_project.launch.prepare import record_primary_camera


@pytest.fixture
def primary(camera: Camera) -> Camera:
    Camera.objects.update(primary=True, host=settings.STATION.host)
    return camera


@pytest.fixture
def switched_on(db: None) -> None:
    configure(record_primary_camera=True)


def configure(**values: Any) -> None:
    for name, value in values.items():
        StationSetting.objects.update_or_create(key=f"auto_recording_config.{name}", defaults={"value": value})
    clear_cache()


def recording(camera: Camera) -> tuple[str, str]:
    camera.refresh_from_db()
    return camera.recording, camera.recording_by


def test_the_primary_camera_records_rolling_clips(primary: Camera, switched_on: None) -> None:
    record_primary_camera()
    assert recording(primary) == ("rolling", "station")
    assert RecordingClaim.objects.standing().get().kind == "rolling"


@pytest.mark.parametrize(
    ("written", "records"),
    [
        ({"enabled": True}, "rolling"),
        ({"enabled": True, "record_primary_camera": False}, ""),
        ({"enabled": False}, ""),
        ({"enabled": False, "record_primary_camera": True}, ""),
        ({"pre_roll_s": 5}, ""),
    ],
)
def test_automatic_recording_that_is_switched_on_records_the_primary_camera_without_a_second_key(
    primary: Camera, monkeypatch: pytest.MonkeyPatch, written: dict[str, Any], records: str
) -> None:
    section = AutoRecordingConfig.model_validate(written)
    station = settings.STATION.model_copy(update={"auto_recording_config": section})
    monkeypatch.setattr(settings, "STATION", station)
    record_primary_camera()
    assert recording(primary)[0] == records


def test_nothing_records_unless_it_is_configured(primary: Camera) -> None:
    record_primary_camera()
    assert recording(primary) == ("", "")


def test_automatic_recording_that_is_switched_off_records_nothing(primary: Camera, switched_on: None) -> None:
    configure(enabled=False)
    record_primary_camera()
    assert recording(primary) == ("", "")


def test_a_camera_of_another_host_is_left_to_it(primary: Camera, switched_on: None) -> None:
    Camera.objects.update(host="other")
    record_primary_camera()
    assert recording(primary) == ("", "")


def test_manual_clips_stay_manual(primary: Camera, switched_on: None) -> None:
    Camera.objects.update(recording="manual", recording_by="ann")
    record_primary_camera()
    assert recording(primary) == ("manual", "ann")


def test_a_camera_without_a_stream_does_not_keep_the_station_from_starting(primary: Camera, switched_on: None) -> None:
    Camera.objects.update(capabilities={"stream": False})
    record_primary_camera()
    assert recording(primary) == ("", "")


def test_a_camera_that_is_held_does_not_keep_the_station_from_starting(primary: Camera, switched_on: None) -> None:
    now = timezone.now()
    Camera.objects.update(held_by="bob", held_since=now, held_until=now + timedelta(days=1))
    record_primary_camera()
    assert recording(primary) == ("", "")
