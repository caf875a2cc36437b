"""The forecast of a session, before it starts."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.models import Capture, CaptureFile, Session, StorageRoot
from captures.roots.models import StorageClass
from captures.roots.roots import assign_root
from captures.sessions import requests
from captures.sessions.forecast import Forecast, forecast
from captures.sessions.requests import SessionRequest
from tests.harness.rows.captures import saved

DUSK = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
MB = 1_000_000


@pytest.fixture(autouse=True)
def at_dusk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: DUSK)
    monkeypatch.setattr(requests, "check_end", lambda until: None)  # it compares with today's real time


def pictures_of(
    camera: Camera, root: StorageRoot, *, size: int, beyond_s: float = 0.5, exposure_us: int = 1000
) -> None:
    """Five saved captures of that size, each saved `beyond_s` after its exposure."""
    began = DUSK - timedelta(hours=1)
    ended = began + timedelta(microseconds=exposure_us, seconds=beyond_s)
    for number in range(5):
        capture: Capture = saved(camera, started_at=began, ended_at=ended)
        CaptureFile.objects.create(
            capture=capture, root=root, kind="jpeg", host=root.host, path=f"{number}", bytes=size, sha256="0" * 64
        )


def forecast_of(camera: Camera, zone: Any = UTC, **requested: Any) -> Forecast:
    return forecast(camera, SessionRequest(**requested), zone=zone)


def test_a_session_without_an_end_is_forecast_by_the_hour(camera: Camera, root: StorageRoot) -> None:
    pictures_of(camera, root, size=24 * MB)
    found = forecast_of(camera, exposure_us=8_000_000, cadence_s=12)
    assert found.sentence == "8 s every 12 s until stopped, about 300 pictures an hour, 7.2 GB an hour."
    assert found.pictures is None
    assert found.bytes is None
    assert found.ends is None


def test_a_delay_is_added_to_the_measured_time_of_a_picture(camera: Camera, root: StorageRoot) -> None:
    pictures_of(camera, root, size=MB, beyond_s=2)
    found = forecast_of(camera, exposure_us=8_000_000, delay_s=10)
    assert found.sentence == "8 s with pauses of 10 s until stopped, about 180 pictures an hour, 180 MB an hour."
    assert found.interval_s == pytest.approx(20)


def test_unknown_sizes_and_times_are_not_guessed(camera: Camera) -> None:
    found = forecast_of(camera, exposure_us=8_000_000, delay_s=12)
    rate = "at most 180 pictures an hour; the size of a picture is not known yet."
    assert found.sentence == f"8 s with pauses of 12 s until stopped, {rate}"
    assert found.bytes_per_picture is None


def test_a_number_of_pictures_is_forecast_with_its_end_and_size(camera: Camera, root: StorageRoot) -> None:
    pictures_of(camera, root, size=2 * MB)
    found = forecast_of(camera, exposure_us=1_000_000, cadence_s=60, count=100)
    assert found.sentence == "1 s every 60 s, 100 pictures until about 2026-11-21 18:39 UTC, 200 MB."
    assert found.bytes == 200 * MB


def test_an_end_is_forecast_with_its_pictures_in_the_readers_time_zone(camera: Camera, root: StorageRoot) -> None:
    pictures_of(camera, root, size=2 * MB)
    found = forecast_of(
        camera, ZoneInfo("Europe/Vienna"), exposure_us=30_000_000, cadence_s=60, until=DUSK + timedelta(hours=12)
    )
    assert found.sentence == "30 s every 60 s until 2026-11-22 06:00 CET, about 721 pictures, 1.4 GB."


def test_the_earlier_of_two_ends_applies(camera: Camera) -> None:
    found = forecast_of(camera, exposure_us=1000, cadence_s=600, count=1000, until=DUSK + timedelta(hours=1))
    assert found.pictures == 7
    assert found.ends == DUSK + timedelta(hours=1)


def test_rare_pictures_are_counted_by_the_day(camera: Camera) -> None:
    assert "about 8 pictures a day" in forecast_of(camera, exposure_us=1000, cadence_s=10_800).sentence


def test_one_picture_is_singular(camera: Camera) -> None:
    assert "1 picture until" in forecast_of(camera, exposure_us=1000, cadence_s=60, count=1).sentence


def test_a_session_without_a_delay_has_no_pause(camera: Camera) -> None:
    assert forecast_of(camera, exposure_us=1_000_000, delay_s=0).sentence.startswith(
        "1 s without a pause until stopped"
    )


def test_an_exposure_out_of_range_has_a_warning_with_the_nearest_one(camera: Camera) -> None:
    camera.capabilities = {"settings": {"exposure_us": {"minimum": 20, "maximum": 2_000_000}}}
    found = forecast_of(camera, exposure_us=8_000_000, cadence_s=12)
    assert found.warnings == ["sky cannot expose for 8 s; it will use 2 s."]
    assert found.sentence.startswith("2 s every 12 s")


def test_a_cadence_too_short_for_a_picture_has_a_warning(camera: Camera, root: StorageRoot) -> None:
    pictures_of(camera, root, size=MB, beyond_s=2)
    found = forecast_of(camera, exposure_us=9_000_000, cadence_s=10)
    assert found.interval_s == 20
    assert found.warnings == [
        "A picture takes about 11 s, longer than the 10 s from start to start: the starts in between are skipped."
    ]


def test_a_disk_that_is_full_within_a_day_has_a_warning(
    camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign_root(StorageRoot.objects.get(), StorageClass.CAPTURES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=14_400 * MB))
    pictures_of(camera, root, size=24 * MB)
    found = forecast_of(camera, exposure_us=8_000_000, cadence_s=12)
    assert found.warnings == ["The disk has 14.4 GB free and is full after about 2 h 0 min."]


def test_a_session_that_does_not_fit_on_the_disk_has_a_warning(
    camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign_root(StorageRoot.objects.get(), StorageClass.CAPTURES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=14_400 * MB))
    pictures_of(camera, root, size=24 * MB)
    found = forecast_of(camera, exposure_us=8_000_000, cadence_s=12, count=1000)
    assert found.warnings == ["The disk has room for 14.4 GB, and the session needs about 24 GB."]


def test_a_dry_run_returns_the_forecast_and_starts_nothing(operator: Any, camera: Camera) -> None:
    body = {"exposure_s": 8, "cadence_s": 12, "dry_run": True}
    answer = operator.post("/api/v1/cameras/sky/start/", body)
    assert answer.status_code == 200
    assert answer.json()["sentence"].startswith("8 s every 12 s until stopped, about 300 pictures an hour")
    assert answer.json()["exposure_us"] == 8_000_000
    assert answer.json()["interval_s"] == 12
    assert not Session.objects.exists()


def test_a_viewer_cannot_make_a_dry_run(viewer: Any, camera: Camera) -> None:
    assert viewer.post("/api/v1/cameras/sky/start/", {"dry_run": True}).status_code == 403


def test_a_bracket_is_forecast_by_its_cycles(camera: Camera) -> None:
    found = forecast_of(camera, kind="bracket", exposures_us=[1000, 1_000_000], cadence_s=60.0)
    assert found.sentence.startswith("1 ms, 1 s every 60 s until stopped, about 120 pictures an hour")


def test_the_exposures_of_a_burst_end_with_its_count(camera: Camera) -> None:
    found = forecast_of(camera, kind="burst", burst=20, exposure_us=10_000, cadence_s=600.0, count=50)
    assert found.pictures == 50
    assert found.ends == DUSK + timedelta(seconds=1200.2)
    assert found.sentence.startswith("20 x 10 ms every 10 min, 50 pictures")


def test_a_session_with_windows_is_forecast_by_their_length(camera: Camera) -> None:
    windows = [(DUSK + timedelta(hours=begin), DUSK + timedelta(hours=begin + 1)) for begin in (1, 5)]
    found = forecast_of(camera, exposure_us=1000, cadence_s=60.0, windows=windows)
    assert found.pictures == 122
    assert found.ends == windows[1][1]


def test_a_bracket_that_takes_longer_than_its_cadence_is_warned_of(camera: Camera, root: StorageRoot) -> None:
    pictures_of(camera, root, size=MB, beyond_s=2.0)
    found = forecast_of(camera, kind="burst", burst=5, exposure_us=1_000_000, cadence_s=10.0)
    assert found.interval_s == 20.0
    assert "The 5 pictures of a cycle take about 15 s" in found.warnings[0]
