"""The report of each night is written as a file without anybody asking: once, and again when its ledger has changed."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.migrations.recorder import MigrationRecorder

from cameras.models import Camera
from core.events.models import Alert, Event
from scheduler.models import CameraNight, ReportedNight
from scheduler.reports import nightly
from scheduler.reports.calendar import CalendarNight, month_of
from scheduler.reports.nightly import AT_ONCE, CHECKED, file_of, report_nights
from scheduler.reports.report import night_report
from skycam_project.access.models import User
from tests.harness.rows.nights import DUSK, MORNING, at_site, captures_in, gap_in, session_of, whole_session

pytestmark = pytest.mark.django_db
NIGHT = date(2027, 1, 14)
HAWAII = {"latitude": 19.8, "longitude": -155.5, "elevation": 4200.0, "time_zone": "Pacific/Honolulu"}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def munich(camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_site()
    monkeypatch.setattr(nightly, "reports_folder", lambda: tmp_path / "reports")


def events() -> list[str]:
    return [event.message for event in Event.objects.filter(kind="night.reported").order_by("at", "id")]


def test_a_night_that_is_over_is_written_once(camera: Camera) -> None:
    whole_session(camera)
    assert NIGHT in report_nights(MORNING)
    assert "600 of 600 captures" in file_of(NIGHT).read_text()
    assert events() == ["The night of 2027-01-14 is reported. Complete: 600 of 600 captures of 1 camera saved."]
    assert report_nights(MORNING + HOUR) == []
    assert len(events()) == 1


def test_the_event_tells_the_path_in_the_data_folder_and_not_that_of_the_machine(camera: Camera) -> None:
    whole_session(camera)
    report_nights(MORNING)
    assert Event.objects.get(kind="night.reported").data["file"] == "reports/2027/2027-01-14.html"


def test_only_managers_may_read_the_file(camera: Camera) -> None:
    whole_session(camera)
    report_nights(MORNING)
    assert file_of(NIGHT).stat().st_mode & 0o777 == 0o600


def test_a_night_that_runs_is_not_written(camera: Camera) -> None:
    session_of(camera, state="running", ended_at=None)
    assert NIGHT not in report_nights(DUSK + 2 * HOUR)
    assert not file_of(NIGHT).exists()


def test_a_night_is_written_again_when_rows_of_it_arrive_later(camera: Camera) -> None:
    session = session_of(camera)
    captures_in(session, DUSK, 300)
    report_nights(MORNING)
    captures_in(session, DUSK + 5 * HOUR, 300)
    assert report_nights(MORNING + HOUR) == [NIGHT]
    assert "600 of 600 captures" in file_of(NIGHT).read_text()
    assert events()[-1].startswith("The night of 2027-01-14 is reported again: its ledger has changed. Complete")
    assert CameraNight.objects.get(night=NIGHT).saved == 600


def test_a_file_without_its_row_is_written_again_after_a_kill(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_session(camera)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(nightly, "store", die)
        with pytest.raises(KeyboardInterrupt):
            report_nights(MORNING)
    assert file_of(NIGHT).exists()
    assert not ReportedNight.objects.exists()
    assert NIGHT in report_nights(MORNING)
    assert ReportedNight.objects.filter(night=NIGHT).exists()


def test_a_disk_that_refuses_raises_an_alert_that_ends_with_the_next_report(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_session(camera)
    with monkeypatch.context() as full:
        refuse_to_sync(full)
        assert report_nights(MORNING) == []
    alert = Alert.objects.get(key=f"night.report:{NIGHT}")
    assert "No space left on device" in alert.message
    assert not file_of(NIGHT).exists()
    assert not file_of(NIGHT).with_suffix(".part").exists()
    report_nights(MORNING)
    alert.refresh_from_db()
    assert alert.state == "resolved"


def test_many_nights_are_written_a_few_at_a_time_the_newest_first(camera: Camera) -> None:
    for number in range(5):
        whole_session(camera, DUSK - number * DAY, 2)
    assert report_nights(MORNING) == [NIGHT, NIGHT - DAY, NIGHT - 2 * DAY]
    assert report_nights(MORNING)[:2] == [NIGHT - 3 * DAY, NIGHT - 4 * DAY]


def test_a_full_disk_is_tried_with_a_few_nights_and_not_with_all(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        whole_session(camera, DUSK - number * DAY, 1)
    refuse_to_sync(monkeypatch)
    assert report_nights(MORNING) == []
    assert Alert.objects.filter(key__startswith="night.report:").count() == AT_ONCE


def test_the_alert_of_a_night_ends_when_its_change_is_too_old(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(camera)
    captures_in(session, DUSK, 300)
    report_nights(MORNING)
    captures_in(session, DUSK + 5 * HOUR, 300)
    with monkeypatch.context() as full:
        refuse_to_sync(full)
        report_nights(MORNING + HOUR)
    assert Alert.objects.get(key=f"night.report:{NIGHT}").state != "resolved"
    report_nights(MORNING + CHECKED * DAY)
    assert Alert.objects.get(key=f"night.report:{NIGHT}").state == "resolved"


def refuse_to_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)


def test_a_night_is_reported_when_it_is_over_at_each_site(camera: Camera) -> None:
    at_site(HAWAII, "mauna")
    far = Camera.objects.create(slug="west", name="West", kind="simulated", host="mauna")
    whole_session(camera)
    session = session_of(far, DUSK + 11 * HOUR, state="running", ended_at=None)
    captures_in(session, DUSK + 11 * HOUR, 180)
    noon = DUSK + 20 * HOUR
    assert NIGHT not in report_nights(noon)
    assert month_of(date(2027, 1, 1), None, noon).nights[13].state == "running"
    assert NIGHT in report_nights(DUSK + 30 * HOUR)


def test_old_files_are_removed_and_their_rows_stay(camera: Camera) -> None:
    whole_session(camera)
    report_nights(MORNING)
    report_nights(MORNING + 500 * DAY)
    assert not file_of(NIGHT).exists()
    assert ReportedNight.objects.filter(night=NIGHT).exists()


def test_an_event_that_all_see_tells_nothing_of_a_restricted_camera(camera: Camera) -> None:
    Camera.objects.update(restricted=True)
    whole_session(camera)
    report_nights(MORNING)
    assert events() == ["The night of 2027-01-14 is reported. A manager sees its numbers."]


def test_an_event_that_all_see_tells_nothing_of_a_restricted_camera_beside_an_open_one(camera: Camera) -> None:
    dome = Camera.objects.create(slug="dome", name="Dome", kind="simulated", host=camera.host, restricted=True)
    whole_session(camera)
    whole_session(dome)
    report_nights(MORNING)
    assert events() == ["The night of 2027-01-14 is reported. A manager sees its numbers."]


def nights(viewer: Any = None, now: datetime = MORNING) -> dict[date, CalendarNight]:
    return {one.night: one for one in month_of(date(2027, 1, 1), viewer, now).nights}


def test_the_calendar_shows_each_night(camera: Camera) -> None:
    whole_session(camera, DUSK - 2 * DAY)
    session = session_of(camera, DUSK - DAY)
    captures_in(session, DUSK - DAY, 540)
    gap_in(session, DUSK - DAY + 9 * HOUR, DUSK - DAY + 10 * HOUR, 60, "unsafe")
    whole_session(camera)
    report_nights(MORNING)
    found = nights()
    assert [found[NIGHT - number * DAY].state for number in (2, 1, 0)] == ["complete", "incomplete", "complete"]
    assert (found[NIGHT - DAY].percent, found[NIGHT - DAY].lost_s) == (90, 3600)
    assert found[NIGHT + DAY].state == "future"
    assert found[date(2027, 1, 2)].state == "nothing"


def test_the_calendar_and_the_report_have_the_same_share(camera: Camera) -> None:
    session = session_of(camera)
    captures_in(session, DUSK, 300)
    report = night_report(NIGHT, now=MORNING)
    assert report.percent == 50
    report_nights(MORNING)
    assert nights(now=MORNING + 5 * DAY)[NIGHT].percent == 50


def test_the_night_that_it_is_runs(camera: Camera) -> None:
    session = session_of(camera, state="running", ended_at=None)
    captures_in(session, DUSK, 60)
    found = nights(now=DUSK + HOUR)[NIGHT]
    assert (found.state, found.saved, found.percent) == ("running", 60, 100)


def test_a_session_that_goes_on_does_not_change_the_nights_behind_it(camera: Camera) -> None:
    session = session_of(camera, DUSK, 40, state="running", ended_at=None)
    captures_in(session, DUSK, 18 * 60)
    now = DUSK + 20 * HOUR
    assert NIGHT in report_nights(now)
    captures_in(session, DUSK + 19 * HOUR, 60)
    assert NIGHT not in report_nights(now + HOUR)


def test_a_night_that_is_not_reported_yet_says_so(camera: Camera) -> None:
    whole_session(camera, DUSK - 9 * DAY)
    assert nights()[NIGHT - 9 * DAY].state == "unknown"


def test_nights_before_the_installation_are_not_reported(camera: Camera) -> None:
    whole_session(camera, DUSK - 9 * DAY)
    whole_session(camera, DUSK - 8 * DAY)
    MigrationRecorder.Migration.objects.update(applied=DUSK - 8 * DAY)
    assert report_nights(MORNING)[-1] == NIGHT - 2 * DAY
    assert [night for _ in range(3) for night in report_nights(MORNING)][-1] == NIGHT - 8 * DAY
    assert nights()[NIGHT - 9 * DAY].state == "nothing"


def test_the_calendar_has_nothing_of_a_hidden_camera(camera: Camera) -> None:
    whole_session(camera, DUSK - 3 * DAY)
    Camera.objects.update(restricted=True)
    report_nights(MORNING)
    report_nights(MORNING)
    viewer = User.objects.create_user("vera", role="viewer")
    assert nights(viewer)[NIGHT - 3 * DAY].state == "nothing"
    assert nights()[NIGHT - 3 * DAY].state == "complete"


def test_before_the_first_capture_the_calendar_is_empty() -> None:
    assert month_of(date(2027, 1, 1), None, datetime(2027, 1, 15, 12, tzinfo=UTC)).earliest is None
