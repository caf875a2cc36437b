"""`skycam schedules` and `skycam tonight`."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from cameras.models import CameraHost
from scheduler.models import PlannedRun, Schedule
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
MUNICH = {"latitude": 48.1, "longitude": 11.6, "time_zone": "Europe/Berlin"}
ADD = ["schedules", "add", "Dark sky", "-c", "sim"]


@pytest.fixture(autouse=True)
def camera() -> Any:
    CameraHost.objects.update_or_create(name=settings.STATION.host, defaults={"site": MUNICH})
    return add_camera(slug="sim", kind="simulated")


def test_a_schedule_is_added_with_its_window_and_its_programme() -> None:
    body = answer(
        *ADD, "--sun", "nautical", "--end-offset", "10min", "--moon-phase", "0.5", "--weekdays", "fri,sat", "-e", "8s",
        "--every", "12s", "--priority", "3",
    )  # fmt: skip
    assert body["window"] == {"sun": -12.0, "begin_offset_s": 0.0, "end_offset_s": 600.0}
    assert body["moon"] == {"max_phase": 0.5, "max_altitude": None}
    assert body["weekdays"] == ["fri", "sat"]
    assert body["programme"] == {"exposure_us": 8_000_000, "cadence_s": 12.0}
    assert body["priority"] == 3


def test_automatic_exposure_of_a_schedule_is_kept() -> None:
    body = answer(*ADD, "--clock", "20:00-05:00", "--auto", "50us-20s", "--every", "60")
    assert body["programme"]["control"]["exposure_us"] == [50, 20_000_000]
    assert PlannedRun.objects.first().programme["control"]["order"] == ["exposure_us"]  # type: ignore[union-attr]


def test_one_thing_is_changed() -> None:
    before = answer(*ADD, "--clock", "20:00-05:00", "-e", "1s")
    after = answer("schedules", "change", "dark SKY", "--disabled", "--name", "Dark")
    assert after == {**before, "enabled": False, "name": "Dark"}


def test_a_night_is_skipped_and_kept_after_all() -> None:
    answer(*ADD, "--clock", "20:00-05:00")
    night = str(PlannedRun.objects.last().night)  # type: ignore[union-attr]
    assert answer("schedules", "skip", "Dark sky", "--night", night)["skip"] is True
    assert not PlannedRun.objects.filter(night=night).exists()
    assert answer("schedules", "skip", "Dark sky", "--night", night, "--undo")["skip"] is False
    assert PlannedRun.objects.filter(night=night).exists()


def test_a_schedule_is_listed_and_removed() -> None:
    answer(*ADD, "--clock", "20:00-05:00")
    assert "20:00 to" in skycam("schedules", "list").stdout
    assert "Dark sky" in skycam("schedules", "show", "Dark sky").stdout
    assert answer("schedules", "remove", "Dark sky") == {"removed": "Dark sky"}
    assert not Schedule.objects.exists()


def test_tonight_for_people_and_as_a_dry_run() -> None:
    answer(*ADD, "--sun", "astronomical", "-e", "1s", "--every", "60")
    words = skycam("tonight", "--night", "2027-01-15").stdout
    assert "Night of 2027-01-15, dry run" in words
    assert "astronomical dusk" in words
    assert "Dark sky" in words
    north = answer("tonight", "--night", "2027-06-21", "--latitude", "69.6", "--longitude", "18.9")
    assert "Nothing will run. Dark sky: " in north["sentence"]


def test_tonight_has_all_times_in_the_zone_of_the_site() -> None:
    answer(*ADD, "--clock", "20:00-05:00", "-e", "1s", "--every", "60")
    words = skycam(
        "tonight", "--night", "2027-01-15", "--latitude", "35", "--longitude", "139", "--time-zone", "Asia/Tokyo"
    ).stdout
    assert "Night of 2027-01-15, dry run; times in Asia/Tokyo" in words
    assert "from 20:00 to 05:00 JST" in words
    assert "2027-01-15 20:00:00" in words
    assert "sunset 16:5" in words


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([*ADD], "Say when it captures: --sun astronomical, or --clock 20:00-05:00."),
        ([*ADD, "--sun", "civil", "--clock", "20:00-05:00"], "Give --sun or --clock, not both."),
        ([*ADD, "--sun", "dusk"], "must be sunset, civil, nautical, astronomical or a number of degrees."),
        ([*ADD, "--clock", "20"], "'20' is not a pair of times."),
        ([*ADD, "--clock", "25:00-05:00"], "--clock: '25:00' is not a time of day from 00:00 to 23:59."),
        ([*ADD, "--clock", "20:00-05:00", "--begin-offset", "5min"], "need --sun"),
        (["schedules", "add", "x", "-c", "dome", "--sun", "civil"], "There is no camera 'dome'."),
        (["schedules", "add", "x", "--sun", "civil"], "--camera"),
        (["tonight", "--latitude", "50"], "latitude and longitude belong together"),
        (["tonight", "--time-zone", "Mars"], "is not a time zone"),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(options: list[str], message: str) -> None:
    found = skycam(*options)
    assert found.exit_code == 2
    assert message in found.stderr


def test_a_schedule_that_does_not_exist_is_named() -> None:
    found = skycam("schedules", "remove", "x")
    assert "There is no schedule x. `skycam schedules list` lists all." in found.stderr


def test_an_offset_may_be_negative() -> None:
    answer(*ADD, "--sun", "civil", "--begin-offset", "-30min", "--end-offset", "1 h")
    window = Schedule.objects.get().window
    assert (window["begin_offset_s"], window["end_offset_s"]) == (-1800.0, 3600.0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--clock", "00:00-24:00"],
            "--clock: '24:00' is not a time of day from 00:00 to 23:59. Write 20:00-05:00, or 12:00-12:00 for day",
        ),
        (["--sun", "95"], "--sun: must be at most 30."),
        (["--sun", "civil", "--moon-altitude", "95"], "--moon-altitude: must be at most 90."),
    ],
)
def test_what_is_wrong_about_the_window_is_one_sentence(options: list[str], sentence: str) -> None:
    [line] = answer(*ADD, *options)["detail"].splitlines()
    assert line.startswith(sentence)


def test_a_schedule_is_printed_as_the_page_shows_it() -> None:
    answer(*ADD, "--sun", "civil", "--auto", "50us-20s", "--iso-limits", "100-3200", "--every", "60")
    shown = " ".join(skycam("schedules", "show", "Dark sky").stdout.split())
    assert "From the end of civil twilight to its begin." in shown
    assert "50 µs to 20 s automatic (ISO 100 to 3200) every 60 s." in shown
    assert "automatic" in skycam("schedules", "list").stdout
