"""One zone for the whole command line, the site's: what is typed, what is printed, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cameras.models import CameraHost
from captures.models import Session
from core.events.models import Event
from core.station_settings import StationSetting
from tests.harness.project import PROJECT
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
TOKYO = ZoneInfo("Asia/Tokyo")
STARTED = datetime(2026, 11, 26, 15, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_tokyo() -> Any:
    StationSetting.objects.create(key="site.time_zone", value="Asia/Tokyo")
    camera = add_camera(slug="sky", kind="simulated", name="All-sky")
    Session.objects.create(
        camera=camera, programme={"exposure_us": 1000, "cadence_s": 1.0}, state="finished", created_by="anna",
        created_at=STARTED, started_at=STARTED, ended_at=STARTED,
    )  # fmt: skip
    return camera


def ends(*words: str) -> datetime:
    return datetime.fromisoformat(answer("start", "sky", "-e", "1", *words, "--dry-run")["ends"])


def test_a_clock_time_is_the_next_one_of_the_sites_clock() -> None:
    found = ends("--until", "18:30")
    assert found.astimezone(TOKYO).strftime("%H:%M") == "18:30"
    assert timedelta(0) < found - datetime.now(UTC) <= timedelta(days=1)


def test_with_utc_a_clock_time_is_that_of_utc() -> None:
    assert ends("--utc", "--until", "18:30").strftime("%H:%M") == "18:30"


def test_times_are_printed_by_the_sites_clock_with_its_zone() -> None:
    assert "11-27 00:02:00 JST" in skycam("sessions", "list").stdout


def test_with_utc_times_are_printed_in_utc() -> None:
    assert "11-26 15:02:00 UTC" in skycam("--utc", "sessions", "list").stdout
    assert "11-26 15:02:00 UTC" in skycam("sessions", "list", "--utc").stdout


def test_json_is_in_utc_with_z() -> None:
    (found,) = answer("sessions", "list")["results"]
    assert found["started"] == "2026-11-26T15:02:00.000Z"


def test_a_forecast_names_the_zone_of_its_end() -> None:
    assert "18:30 JST" in skycam("start", "sky", "-e", "1", "--until", "18:30", "--dry-run").stdout


def test_a_past_time_without_a_zone_is_the_sites() -> None:
    Event.objects.create(kind="camera.state", message="It was opened.", at=STARTED)
    assert "It was opened." in skycam("events", "--since", "2026-11-27 00:00").stdout
    assert "It was opened." not in skycam("events", "--since", "2026-11-27 00:05").stdout
    assert "It was opened." in skycam("events", "--since", "2026-11-27 00:02:00 JST").stdout


def refused_shift(*words: str) -> Any:
    CameraHost.objects.update_or_create(
        name="main", defaults={"site": {"latitude": 35.0, "longitude": 139.0, "time_zone": "Asia/Tokyo"}}
    )
    skycam("schedules", "add", "Dark", "-c", "sky", "--clock", "20:00-05:00", "-e", "1s")
    return skycam(*words, "schedules", "shift", "Dark", "--night", "2027-01-15", "--end", "2027-03-01 12:00")


def test_a_refusal_names_times_by_the_sites_clock() -> None:
    assert "which is from 2027-01-15 11:44:00 JST to 2027-01-16 11:44:00 JST." in refused_shift().stderr


def test_a_refusal_for_programs_names_times_in_utc() -> None:
    detail = json.loads(refused_shift("--output", "json").stdout)["detail"]
    assert "which is from 2027-01-15 02:44:00 UTC to 2027-01-16 02:44:00 UTC." in detail


def test_no_command_uses_the_clock_of_the_machine() -> None:
    sources = (PROJECT / "skycam_project" / "cli").rglob("*.py")
    assert [path.name for path in sources if "astimezone()" in path.read_text()] == []
