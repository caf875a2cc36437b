"""Nights of a list that is observed each night, and was not: what is said of them, and once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Session
from core.events.models import Alert, Event
from scheduler.models import NightlyStart
from scheduler.tasks import start_telescope_nights
from scheduler.telescope.field_lists import night_start
from scheduler.telescope.field_lists.night_start import MESSAGE_AWAY, report_missed_nights
from scheduler.telescope.field_lists.nightly import end_nightly_start, set_nightly_start
from scheduler.telescope.field_lists.resource import FieldListRequest, NightOptions
from scheduler.telescope.field_lists.service import FieldListService
from tests.harness.rows.nights import at_site

pytestmark = pytest.mark.django_db
LA_SILLA = {"latitude": -29.257, "longitude": -70.7295, "elevation": 2347.0, "time_zone": "America/Santiago"}
EVENING = date(2026, 11, 20)
AFTERNOON = datetime(2026, 11, 20, 20, tzinfo=UTC)
NIGHT = datetime(2026, 11, 21, 4, tzinfo=UTC)
MORNING = datetime(2026, 11, 21, 11, tzinfo=UTC)
DAY = timedelta(days=1)
ALERT = "telescope.night_missed:mosaic"


@pytest.fixture
def nightly() -> NightlyStart:
    """From the night of EVENING on."""
    at_site(LA_SILLA)
    mosaic = Camera.objects.create(slug="mosaic", name="Mosaic", kind="telescope", address="pco-nuc:6000", host="main")
    found = FieldListService(None, "olga").add(FieldListRequest(name="tonight", text="1.00 -25 Y 100 0 1 0"))
    return set_nightly_start(found, mosaic, NightOptions(camera="mosaic"), user=None, actor="olga", now=AFTERNOON)


def session_of(nightly: NightlyStart, evening: date, **columns: Any) -> Session:
    programme = {"kind": "telescope", "telescope": {"evening": evening.isoformat()}}
    return Session.objects.create(camera=nightly.camera, programme=programme, state="stopped", **columns)


def missed() -> list[str]:
    return list(Event.objects.filter(kind="telescope.night_missed").values_list("message", flat=True))


def test_a_night_that_was_not_started_is_reported_after_sunrise(nightly: NightlyStart) -> None:
    for now in (AFTERNOON, NIGHT):
        report_missed_nights(now)
    before = missed()
    for now in (MORNING, MORNING + timedelta(minutes=1), AFTERNOON + DAY):
        report_missed_nights(now)
    assert before == []
    assert missed() == [f"mosaic did not observe tonight in the night of 2026-11-20. {MESSAGE_AWAY}"]
    event = Event.objects.get(kind="telescope.night_missed")
    assert (event.severity, event.data) == ("error", {"evenings": ["2026-11-20"]})


def open_alerts() -> list[str]:
    return list(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


def test_a_missed_night_is_an_alert_until_a_night_was_observed(nightly: NightlyStart) -> None:
    report_missed_nights(MORNING)
    alert = Alert.objects.get(key=ALERT)
    session_of(nightly, EVENING + DAY)
    report_missed_nights(NIGHT + DAY)
    during = open_alerts()
    report_missed_nights(MORNING + DAY)
    assert alert.severity == "error"
    assert alert.camera == "mosaic"
    assert alert.message == missed()[0]
    assert during == [ALERT]
    assert open_alerts() == []


def test_the_alert_of_a_second_missed_night_is_that_of_the_first(nightly: NightlyStart) -> None:
    for now in (MORNING, MORNING + DAY):
        report_missed_nights(now)
    alert = Alert.objects.get(key=ALERT)
    assert alert.count == 2
    assert alert.data == {"evenings": ["2026-11-21"]}


def test_the_alert_ends_with_the_nights_that_are_started(nightly: NightlyStart) -> None:
    report_missed_nights(MORNING)
    end_nightly_start(nightly.field_list, user=None, actor="olga")
    report_missed_nights(MORNING)
    assert open_alerts() == []


def test_the_alert_of_a_clock_that_was_ahead_ends_with_the_right_time(nightly: NightlyStart) -> None:
    report_missed_nights(MORNING + 400 * DAY)
    before = open_alerts()
    report_missed_nights(NIGHT)
    assert before == [ALERT]
    assert open_alerts() == []


def test_nights_in_which_the_station_was_away_are_one_event(nightly: NightlyStart) -> None:
    report_missed_nights(MORNING + 2 * DAY)
    assert missed() == [f"mosaic did not observe tonight in 3 nights, from 2026-11-20 to 2026-11-22. {MESSAGE_AWAY}"]


def test_the_reason_is_that_of_the_night(nightly: NightlyStart) -> None:
    NightlyStart.objects.update(problem="The camera is disabled: enable it.")
    report_missed_nights(MORNING)
    [message] = missed()
    assert message.endswith(" The camera is disabled: enable it.")


@pytest.mark.parametrize("columns", [{}, {"reason": "session_stopped"}])
def test_a_night_with_a_session_was_not_missed(nightly: NightlyStart, columns: dict[str, str]) -> None:
    session_of(nightly, EVENING, **columns)
    report_missed_nights(MORNING)
    assert missed() == []


def test_a_night_whose_session_was_refused_was_missed(nightly: NightlyStart) -> None:
    Session.objects.filter(pk=session_of(nightly, EVENING).pk).update(state="failed")
    report_missed_nights(MORNING)
    assert len(missed()) == 1


def test_a_night_whose_session_was_deleted_was_not_missed(nightly: NightlyStart) -> None:
    NightlyStart.objects.update(started=EVENING)
    report_missed_nights(MORNING)
    assert missed() == []


def test_nights_without_a_sunset_are_not_missed(nightly: NightlyStart) -> None:
    at_site({**LA_SILLA, "latitude": -80.0})
    report_missed_nights(MORNING)
    assert missed() == []


def test_nights_before_the_list_was_observed_each_night_are_not_missed(nightly: NightlyStart) -> None:
    NightlyStart.objects.update(accounted=None)
    for now in (MORNING, MORNING + DAY):
        report_missed_nights(now)
    assert Event.objects.get(kind="telescope.night_missed").data == {"evenings": ["2026-11-21"]}


def test_a_clock_that_was_ahead_hides_no_later_night(nightly: NightlyStart) -> None:
    for now in (MORNING + 400 * DAY, MORNING, MORNING + DAY):
        report_missed_nights(now)
    newest = Event.objects.filter(kind="telescope.night_missed").latest("id")
    assert newest.data == {"evenings": ["2026-11-21"]}


def test_a_host_without_coordinates_hides_no_other_list(nightly: NightlyStart) -> None:
    away = Camera.objects.create(slug="away", name="Away", kind="telescope", address="pco-nuc:6000", host="away")
    found = FieldListService(None, "olga").add(FieldListRequest(name="a", text="1.00 -25 Y 100 0 1 0"))
    NightlyStart.objects.create(field_list=found, camera=away, options={})
    report_missed_nights(MORNING)
    assert len(missed()) == 1


def test_two_tasks_report_a_night_once(nightly: NightlyStart) -> None:
    before = NightlyStart.objects.select_related("camera", "field_list").get()
    report_missed_nights(MORNING)
    night_start.account_for(before, EVENING)
    assert len(missed()) == 1


def test_a_fault_in_the_reports_costs_no_night(nightly: NightlyStart, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr("scheduler.tasks.report_missed_nights", lambda: {}["nothing"])
    monkeypatch.setattr("scheduler.tasks.start_due_nights", lambda: started.append("tried"))
    start_telescope_nights()
    assert started == ["tried"]
