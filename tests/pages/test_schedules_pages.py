"""Schedules on pages: the list, the form with its preview, single nights, and removal."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera, CameraHost
from captures.models import Session
from core.events.models import Event
from scheduler.editing.schedule_form import shown_values
from scheduler.editing.service import ScheduleService, request_of, schedule_version
from scheduler.models import NightChange, PlannedRun, Schedule
from scheduler.schedules.descriptions import programme_sentence
from scheduler.schedules.resource import ScheduleRequest
from skycam_project.access.models import User
from tests.harness.browsers.html_check import html_errors
from tests.harness.clients.pages import MARKUP, tag_of, text_of

AFTERNOON = datetime(2027, 1, 15, 13, 0, tzinfo=UTC)
TONIGHT = date(2027, 1, 15)
MUNICH = {"latitude": 48.1, "longitude": 11.6, "elevation": 500.0, "time_zone": "Europe/Berlin"}
SOUTH = {"latitude": -77.8, "longitude": 166.7, "elevation": 0.0, "time_zone": "Antarctica/McMurdo"}
LIST, ADD, PREVIEW = "/schedules/", "/schedules/add/", "/schedules/preview/"
SENT = {
    "name": "Dark sky", "cameras": "sky", "window": "sun", "sun": "astronomical", "priority": "0", "enabled": "on",
    "exposure": "8 s", "wait": "12 s", "from": "start",
}  # fmt: skip
WHOLE = {
    "name": "All of it",
    "cameras": ["sky"],
    "window": {"sun": -15.0, "begin_offset_s": -1800.0, "end_offset_s": 600.0},
    "moon": {"max_phase": 0.5, "max_altitude": 10.0},
    "weekdays": ["fri", "sat"],
    "first_night": "2027-01-01",
    "last_night": "2027-12-31",
    "priority": -7,
    "enabled": False,
    "programme": {
        "kind": "bracket", "exposure_us": 100_000, "ev_steps": [-2.0, 0.0, 2.0], "cadence_s": 120.0, "iso": 800,
        "f_number": 2.8, "format": "raw", "count": 300, "options": {"shutter": False, "header": {"lst": "12"}},
        "control": {
            "exposure_us": [50, 20_000_000], "target": 0.3, "iso": [100, 3200], "measure": "percentile",
            "percentile": 95.0, "order": ["iso", "exposure_us"], "damping": 0.5, "hysteresis_ev": 0.5,
        },
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def afternoon(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    CameraHost.objects.update_or_create(name=camera.host, defaults={"site": MUNICH})
    monkeypatch.setattr(timezone, "now", lambda: AFTERNOON)


def add(name: str = "Dark sky", **fields: Any) -> Schedule:
    wanted = {"name": name, "cameras": ["sky"], "window": {"sun": "astronomical"}, **fields}
    manager, _ = User.objects.get_or_create(username="mary", role="manager")
    return ScheduleService(manager, "mary").add(ScheduleRequest.model_validate(wanted))


def sent(client: Any, path: str = ADD, **fields: Any) -> Any:
    return client.post(path, {**SENT, **fields}, format="multipart")


def shown(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text_of(response).partition("<main")[2]).split())


def test_without_schedules_the_page_says_what_to_do(operator: Any, viewer: Any) -> None:
    assert 'href="/schedules/add/"' in text_of(operator.get(LIST))
    assert "An operator can add one." in shown(viewer.get(LIST))


def test_the_list_has_a_schedule_in_sentences_with_its_next_run(viewer: Any) -> None:
    add(moon={"max_phase": 0.5}, weekdays=["fri"], programme={"exposure_us": 8_000_000, "cadence_s": 12.0})
    page = shown(viewer.get(LIST))
    for words in (
        "Dark sky", "2027-01-15 18:3", "Europe/Berlin, in 4 h", "While it is astronomically dark.", "8 s every 12 s.",
        "Only while at most 50 % of the Moon's disc are lit.", "Fridays.",
    ):  # fmt: skip
        assert words in page.replace("&#x27;", "'")


def test_a_schedule_without_a_run_says_why(viewer: Any) -> None:
    add(first_night="2028-01-01")
    assert "The schedule begins on 2028-01-01." in shown(viewer.get(LIST))


def test_polar_summer_is_a_reason(viewer: Any) -> None:
    CameraHost.objects.update(site=SOUTH)
    add()
    assert "The Sun stays above -18° all night." in shown(viewer.get(LIST))


def test_a_viewer_sees_no_controls(viewer: Any) -> None:
    schedule = add()
    page = text_of(viewer.get(LIST))
    assert f"/schedules/{schedule.pk}/" not in page


def test_a_schedule_with_a_hidden_camera_is_not_listed(operator: Any) -> None:
    schedule = add()
    Camera.objects.update(restricted=True)
    assert "Dark sky" not in text_of(operator.get(LIST))
    assert operator.get(f"/schedules/{schedule.pk}/").status_code == 404


def test_the_form_adds_a_schedule_and_plans_its_runs(operator: Any) -> None:
    answer = sent(operator)
    assert answer["Location"] == LIST
    schedule = Schedule.objects.get()
    assert schedule.window == {"sun": -18.0, "begin_offset_s": 0.0, "end_offset_s": 0.0}
    assert schedule.programme == {"exposure_us": 8_000_000, "cadence_s": 12.0}
    assert PlannedRun.objects.filter(schedule=schedule, night=TONIGHT).count() == 1
    assert "Dark sky was added. Its runs are planned." in text_of(operator.get(LIST))


def test_a_schedule_added_as_disabled_plans_no_runs_and_says_so(operator: Any) -> None:
    sent(operator, enabled="")
    assert "Dark sky was added. It is disabled and plans no runs." in text_of(operator.get(LIST))
    assert not PlannedRun.objects.exists()


def test_the_form_says_whose_clock_it_means(operator: Any) -> None:
    assert "20:00, of the site's clock" in text_of(operator.get(ADD))


@pytest.mark.parametrize(
    ("template", "window", "programme"),
    [
        ("dark", {"sun": -18.0, "begin_offset_s": 0.0, "end_offset_s": 0.0}, "8 s every 20 s."),
        (
            "dusk", {"sun": -6.0, "begin_offset_s": 0.0, "end_offset_s": 0.0},
            "50 µs to 20 s automatic every 30 s.",
        ),
        ("day", {"begin": "12:00", "end": "12:00"}, "50 µs to 20 s automatic every 60 s."),
        ("other", {"sun": -18.0, "begin_offset_s": 0.0, "end_offset_s": 0.0}, "8 s every 20 s."),
    ],
)  # fmt: skip
def test_a_template_needs_a_name_alone(operator: Any, template: str, window: dict[str, Any], programme: str) -> None:
    shown_form = operator.get(f"{ADD}?template={template}").context["form"]
    answer = operator.post(ADD, {**shown_form.data, "name": "New", "cameras": "sky"}, format="multipart")
    assert answer["Location"] == LIST
    schedule = Schedule.objects.get()
    assert schedule.window == window
    assert programme_sentence(schedule.programme) == programme


def test_a_new_schedule_asks_for_five_things_and_folds_the_rest(operator: Any) -> None:
    page = text_of(operator.get(ADD))
    visible = re.sub(r"<details.*</details>", "", page.partition('id="schedule-form"')[2].partition("</form>")[0])
    assert re.findall(r'<(?:input|select|textarea)[^>]* name="(\w+)"', visible.replace(' type="hidden"', "")) == [
        "csrfmiddlewaretoken", "version", "name", "cameras", "exposure", "wait",
    ]  # fmt: skip
    assert '<details class="more-fields" open' not in page
    assert "When: while it is astronomically dark" in page


def test_no_field_asks_for_names_of_programs(operator: Any) -> None:
    schedule = add(**{**WHOLE, "name": "All of it"})
    for page in (operator.get(ADD), operator.get(f"/schedules/{schedule.pk}/"), operator.get("/cameras/sky/start/")):
        words = re.sub(r'[\w-]+="[^"]*"', "", text_of(page))
        assert re.findall(r"\b(?:exposure_us|f_number|cadence_s|delay_s|ev_steps)\b", words) == []


def test_a_window_by_the_clock(operator: Any) -> None:
    sent(operator, window="clock", begin="20:00", end="05:00")
    assert Schedule.objects.get().window == {"begin": "20:00", "end": "05:00"}


@pytest.mark.parametrize(
    "wanted",
    [
        WHOLE,
        {**WHOLE, "window": {"begin": "20:00", "end": "05:00"}, "moon": None},
        {**WHOLE, "programme": {"exposure_us": 1000, "f_number": None}, "on_held": "take_over"},
    ],
)
def test_what_the_form_shows_it_reads_again(wanted: dict[str, Any], manager: Any) -> None:
    schedule = add(**{**wanted, "name": "All of it"})
    page = text_of(manager.get(f"/schedules/{schedule.pk}/"))
    assert 'value="All of it"' in page
    values = shown_values(request_of(schedule), schedule_version(schedule))
    answer = manager.post(f"/schedules/{schedule.pk}/", values, format="multipart")
    assert answer["Location"] == LIST
    assert schedule_version(Schedule.objects.get()) == schedule_version(schedule)


@pytest.mark.parametrize(
    ("fields", "field", "error"),
    [
        ({"name": ""}, "name", "Write a name of 1 to 60 characters."),
        ({"priority": "500"}, "priority", "Must be at most 100."),
        ({"priority": "x"}, "priority", "Write a whole number."),
        ({"sun": "degrees", "degrees": "99"}, "degrees", "Must be at most 30."),
        ({"sun": "degrees"}, "degrees", "Write the altitude in degrees, such as -15."),
        ({"sun": "noon"}, "sun", "Must be sunset, civil, nautical, astronomical or a number of degrees."),
        ({"begin_offset": "soon"}, "begin_offset", "&#x27;soon&#x27; is not a duration."),
        ({"begin_offset": "13 h"}, "begin_offset", "Must be at most 43200."),
        ({"window": "clock", "begin": "25:00", "end": "05:00"}, "begin", "Write a time such as 20:00."),
        ({"max_phase": "2"}, "max_phase", "Must be at most 1."),
        ({"first_night": "2027-02-01", "last_night": "2027-01-01"}, "last_night", "It is before the first night."),
        ({"exposure": "2"}, "exposure", "2 has no unit."),
        ({"auto": "20"}, "auto", "Write the shortest and the longest exposure"),
        ({"target": "0.3"}, "auto", "Write the limits of the exposure as well"),
        ({"kind": "bracket"}, "bracket", "Write 2 to 50 exposures"),
        ({"wait": "5 s"}, "wait", "shorter than the exposure"),
        (
            {"kind": "bracket", "bracket": "8 s, 9 s"},
            "wait",
            "The time from start to start is shorter than the exposures of one cycle.",
        ),
    ],
)
def test_an_error_stands_at_its_field(operator: Any, fields: dict[str, str], field: str, error: str) -> None:
    answer = sent(operator, **fields)
    page = text_of(answer)
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in tag_of(page, f"schedule-{field}")
    assert error in page.partition(f'id="schedule-{field}-hint"')[2].partition("</p>")[0]
    assert not Schedule.objects.exists()


def test_a_form_without_a_camera_says_so(operator: Any) -> None:
    page = text_of(operator.post(ADD, {**SENT, "cameras": []}, format="multipart"))
    assert 'id="schedule-cameras-hint"' in page
    assert not Schedule.objects.exists()


def test_a_camera_that_does_not_exist_is_refused_by_the_service(operator: Any) -> None:
    assert "There is no camera &#x27;dome&#x27;." in text_of(sent(operator, cameras="dome"))


def test_a_name_that_exists_is_an_error_at_the_name(operator: Any) -> None:
    add()
    page = text_of(sent(operator))
    assert "There is a schedule &#x27;Dark sky&#x27; already." in page
    assert "1 to correct. Nothing was saved." in page


def test_what_was_written_stays_in_a_refused_form(operator: Any) -> None:
    page = text_of(sent(operator, name=MARKUP, priority="500", weekdays="fri"))
    assert MARKUP not in page
    assert 'value="fri" checked' in page
    assert 'value="8 s"' in page


def test_of_two_people_the_second_is_told_what_happened(operator: Any) -> None:
    schedule = add()
    version = schedule_version(schedule)
    ScheduleService(User.objects.get(username="mary"), "mary").change(
        schedule, ScheduleRequest.model_validate({**SHORT, "priority": 3})
    )
    answer = sent(operator, f"/schedules/{schedule.pk}/", version=version, priority="9")
    assert answer.status_code == 409
    assert "Nothing was saved. mary changed it at" in text_of(answer)
    assert Schedule.objects.get().priority == 3
    again = re.search(r'name="version" value="(\w+)"', text_of(answer))
    assert again
    assert sent(operator, f"/schedules/{schedule.pk}/", version=again[1], priority="9").status_code == 302
    assert Schedule.objects.get().priority == 9


SHORT = {"name": "Dark sky", "cameras": ["sky"], "window": {"sun": "astronomical"}}


def test_a_schedule_that_was_removed_meanwhile_is_not_found(operator: Any) -> None:
    schedule = add()
    Schedule.objects.all().delete()
    assert sent(operator, f"/schedules/{schedule.pk}/", version="x").status_code == 404


def test_a_schedule_is_disabled_and_enabled(operator: Any) -> None:
    schedule = add()
    operator.post(f"/schedules/{schedule.pk}/switch/", {"enabled": "no"}, format="multipart")
    assert not Schedule.objects.get().enabled
    assert not PlannedRun.objects.exists()
    assert "The schedule is disabled." in shown(operator.get(LIST))
    operator.post(f"/schedules/{schedule.pk}/switch/", {"enabled": "yes"}, format="multipart")
    assert Schedule.objects.get().enabled


def test_the_next_night_is_skipped_and_restored(operator: Any) -> None:
    schedule = add()
    path = f"/schedules/{schedule.pk}/night/"
    operator.post(path, {"night": "2027-01-15", "do": "skip"}, format="multipart")
    assert not PlannedRun.objects.filter(night=TONIGHT).exists()
    page = shown(operator.get(LIST))
    assert "skipped by a-operator" in page
    assert "2027-01-16 18:3" in page
    operator.post(path, {"night": "2027-01-15", "do": "restore"}, format="multipart")
    assert PlannedRun.objects.filter(night=TONIGHT).exists()


def begin_run(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the next evening, and the session of its run captures."""
    run = PlannedRun.objects.get(schedule=schedule, night=TONIGHT)
    Session.objects.create(id=run.pk, camera=run.camera, programme=run.programme, state="running")
    monkeypatch.setattr(timezone, "now", lambda: AFTERNOON + timedelta(hours=8))


def test_a_schedule_that_is_disabled_shows_its_run_that_continues(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = add()
    begin_run(schedule, monkeypatch)
    operator.post(f"/schedules/{schedule.pk}/switch/", {"enabled": "no"}, format="multipart")
    page = shown(operator.get(LIST))
    assert "Dark sky is disabled. Its run that has begun continues: stop its session to end it." in page
    assert "Dark sky Running Next run The schedule is disabled." in page


def test_a_night_that_is_skipped_in_its_middle_says_what_continues(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = add()
    begin_run(schedule, monkeypatch)
    path, skip = f"/schedules/{schedule.pk}/night/", {"night": "2027-01-15", "do": "skip"}
    operator.post(path, skip, format="multipart")
    skipped = shown(operator.get(LIST))
    assert "the night of 2027-01-15 is skipped. The run of Dark sky on sky has begun and goes on until" in skipped
    Session.objects.update(state="stopped")
    operator.post(path, skip, format="multipart")
    assert "goes on" not in shown(operator.get(LIST))


def test_a_night_is_shifted_by_the_clock_of_the_site(operator: Any) -> None:
    schedule = add()
    answer = operator.post(
        f"/schedules/{schedule.pk}/night/",
        {"night": "2027-01-17", "begin": "20:00", "end": "02:00", "do": "shift"},
        format="multipart",
    )
    assert answer["Location"] == LIST
    change = NightChange.objects.get()
    assert change.begins_at == datetime(2027, 1, 17, 19, 0, tzinfo=UTC)
    assert change.ends_at == datetime(2027, 1, 18, 1, 0, tzinfo=UTC)


def test_the_page_of_a_night_lists_its_changes_by_the_clock_of_the_site(operator: Any) -> None:
    schedule = add()
    path = f"/schedules/{schedule.pk}/night/"
    operator.post(path, {"night": "2027-01-17", "begin": "20:00", "end": "02:00", "do": "shift"}, format="multipart")
    page = shown(operator.get(path))
    assert "times in Europe/Berlin" in page
    assert "begins 2027-01-17 20:00:00 ends 2027-01-18 02:00:00" in page


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"night": "soon"}, "Write a date: 2027-03-01."),
        ({"night": ""}, "Choose a night."),
        ({"night": "9999-12-31", "begin": "20:00"}, "It is at the end of the calendar."),
        ({"night": "9999-12-31", "do": "skip"}, "It is at the end of the calendar."),
        ({"begin": "soon"}, "soon"),
        ({}, "Give skip, begin or end."),
        ({"begin": "2027-03-01 20:00"}, "It is not in the night of 2027-01-15"),
        ({"begin": "02:00", "end": "20:00"}, "End is not after begin."),
    ],
)
def test_a_wrong_change_of_a_night_is_refused(operator: Any, fields: dict[str, str], error: str) -> None:
    schedule = add()
    answer = operator.post(
        f"/schedules/{schedule.pk}/night/", {"night": "2027-01-15", "do": "shift", **fields}, format="multipart"
    )
    assert answer.status_code == 400
    assert error in text_of(answer)
    assert not NightChange.objects.exists()


def test_a_schedule_is_removed_after_a_question(operator: Any) -> None:
    schedule = add()
    path = f"/schedules/{schedule.pk}/remove/"
    assert "its sessions and their pictures" in text_of(operator.get(path))
    assert operator.post(path, headers={"HX-Request": "true"})["HX-Redirect"] == LIST
    assert not Schedule.objects.exists()
    assert Event.objects.filter(kind="schedule.removed", actor="a-operator").exists()


@pytest.mark.parametrize("stored", [{"programme": {"exposure_us": 0}}, {"window": {"begin": "20:00"}}])
def test_a_schedule_that_cannot_be_planned_is_listed_and_corrected(stored: dict[str, Any], operator: Any) -> None:
    schedule = add()
    add("Other")
    Schedule.objects.filter(pk=schedule.pk).update(**stored)
    page = shown(operator.get(LIST))
    assert "The schedule Dark sky cannot be planned:" in page
    assert operator.get(f"/schedules/{schedule.pk}/").status_code == 200
    assert "of the next 7 nights." in preview(operator, name="Third", priority="9")
    version = schedule_version(Schedule.objects.get(pk=schedule.pk))
    assert sent(operator, f"/schedules/{schedule.pk}/", version=version).status_code == 302
    assert "cannot be planned" not in shown(operator.get(LIST))


def test_a_schedule_that_cannot_be_planned_is_in_nobodys_way(operator: Any) -> None:
    old = add("Old", priority=9)
    Schedule.objects.filter(pk=old.pk).update(programme={"exposure_us": 0})
    PlannedRun.objects.all().delete()
    add()
    assert PlannedRun.objects.filter(name="Dark sky", night=TONIGHT).exists()
    assert "Old has the camera" not in shown(operator.get(LIST))
    assert "Old has the camera" not in shown(operator.get("/tonight/"))
    assert "It runs in 7 of the next 7 nights." in preview(operator, name="Third", priority="5")


def test_the_runs_that_a_schedule_keeps_while_it_cannot_be_planned_are_in_the_way(operator: Any) -> None:
    old = add("Old", priority=9)
    Schedule.objects.filter(pk=old.pk).update(programme={"exposure_us": 0})
    add()
    assert not PlannedRun.objects.filter(name="Dark sky", night=TONIGHT).exists()
    assert "2027-01-19 18:4" in shown(operator.get(LIST))
    assert "Old has the camera" in shown(operator.get("/tonight/"))
    assert "It runs in 3 of the next 7 nights." in preview(operator, name="Third", priority="50")
    add("Third", priority=50)
    assert not PlannedRun.objects.filter(name="Third").exists()


def preview(client: Any, path: str = PREVIEW, **fields: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text_of(sent(client, path, **fields))).split())


def test_the_preview_has_seven_nights_and_stores_nothing(operator: Any) -> None:
    page = preview(operator, name="")
    assert page.startswith("It runs in 7 of the next 7 nights. Times in Europe/Berlin. Fri 2027-01-15 18:3")
    assert "about 3,400 pictures" in page
    assert not Schedule.objects.exists()
    assert not PlannedRun.objects.exists()


def test_the_drawings_of_the_preview_have_the_clock_of_the_site(operator: Any) -> None:
    # An hour before sunset, which is at 16:48 there and 15:48 UTC.
    assert "2027-01-16 15:48:" in preview(operator)


def test_the_preview_shows_whose_run_is_in_the_way(operator: Any) -> None:
    add("Meteors", window={"begin": "22:00", "end": "23:00"}, priority=5)
    page = preview(operator)
    assert "18:3" in page
    assert "to 22:00, 23:00 to" in page
    assert "Meteors has the camera (22:00 to 23:00)." in page


def test_the_preview_draws_this_schedule_and_others(operator: Any) -> None:
    add("Meteors", window={"begin": "22:00", "end": "23:00"}, priority=5)
    drawn = text_of(sent(operator, PREVIEW))
    assert drawn.count('<rect class="other"') == 7
    assert drawn.count('<rect class="planned"') == 14


def test_the_preview_of_a_changed_schedule_replaces_the_stored_one(operator: Any) -> None:
    schedule = add()
    drawn = text_of(sent(operator, f"/schedules/{schedule.pk}/preview/", window="clock", begin="20:00", end="21:00"))
    assert "20:00 to 21:00, about 300 pictures" in drawn
    assert '<rect class="other"' not in drawn


def test_the_preview_says_that_tonights_run_has_begun(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = add(window={"begin": "13:00", "end": "15:00"})
    monkeypatch.setattr(timezone, "now", lambda: AFTERNOON.replace(minute=30))
    page = preview(operator, f"/schedules/{schedule.pk}/preview/", window="clock", begin="13:00", end="15:00")
    assert "It runs in 7 of the next 7 nights." in page
    assert "It has begun and keeps its times: 14:00 to 15:00." in page


def test_the_preview_says_that_tonights_run_was_stopped(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = add(window={"begin": "13:00", "end": "15:00"})
    run = schedule.runs.earliest("begins_at")
    Session.objects.create(
        id=run.pk, camera=run.camera, programme={}, state="stopped", ended_at=AFTERNOON.replace(minute=20)
    )
    monkeypatch.setattr(timezone, "now", lambda: AFTERNOON.replace(minute=30))
    page = preview(operator, f"/schedules/{schedule.pk}/preview/", window="clock", begin="13:00", end="15:00")
    assert "It has ended: 14:00 to 14:20." in page


def test_the_preview_has_the_changes_of_single_nights(operator: Any) -> None:
    schedule = add()
    NightChange.objects.create(schedule=schedule, night=TONIGHT, skip=True)
    page = preview(operator, f"/schedules/{schedule.pk}/preview/")
    assert page.startswith("It runs in 6 of the next 7 nights.")
    assert "An operator skips this night." in page


def test_the_preview_of_polar_summer_says_why_nothing_runs(operator: Any) -> None:
    CameraHost.objects.update(site=SOUTH)
    page = preview(operator)
    assert page.startswith("Nothing runs in the next 7 nights.")
    assert page.count("The Sun stays above -18° all night.") == 7


def test_the_preview_without_coordinates_says_what_is_missing(operator: Any) -> None:
    CameraHost.objects.update(site={"time_zone": "Europe/Berlin"})
    assert "The site has no latitude and longitude" in preview(operator)


def test_the_preview_of_a_wrong_form_says_what_to_correct(operator: Any) -> None:
    assert "Exposure: 2 has no unit." in preview(operator, exposure="2")


def test_a_hidden_camera_is_in_no_preview(operator: Any) -> None:
    Camera.objects.update(restricted=True)
    assert "Nothing runs in the next 7 nights." in preview(operator)


def test_without_scripts_a_button_shows_the_preview(operator: Any) -> None:
    answer = sent(operator, preview="yes")
    assert "It runs in 7 of the next 7 nights." in text_of(answer)
    assert not Schedule.objects.exists()


def test_the_queries_of_the_preview_do_not_grow_with_the_schedules(operator: Any) -> None:
    add("A")
    preview(operator)
    with CaptureQueriesContext(connection) as few:
        preview(operator)
    add("B", window={"sun": -10.0})
    add("C", window={"sun": -8.0})
    with CaptureQueriesContext(connection) as many:
        preview(operator)
    assert len(many) == len(few)


def test_the_queries_of_the_list_do_not_grow_with_the_schedules(viewer: Any) -> None:
    add("A")
    viewer.get(LIST)
    with CaptureQueriesContext(connection) as few:
        viewer.get(LIST)
    add("B")
    add("C")
    with CaptureQueriesContext(connection) as many:
        viewer.get(LIST)
    assert len(many) == len(few)


def test_an_empty_form_reads_as_errors_and_not_as_a_crash(operator: Any) -> None:
    assert operator.post(ADD, {}, format="multipart").status_code == 400


def test_the_pages_are_valid_html(html_validate: Path, operator: Any, tmp_path: Path) -> None:
    schedule = add()
    (tmp_path / "list.html").write_text(text_of(operator.get(LIST)))
    (tmp_path / "add.html").write_text(text_of(sent(operator, name="", exposure="2", priority="x")))
    (tmp_path / "edit.html").write_text(text_of(operator.get(f"/schedules/{schedule.pk}/")))
    (tmp_path / "night.html").write_text(text_of(operator.get(f"/schedules/{schedule.pk}/night/")))
    (tmp_path / "remove.html").write_text(text_of(operator.get(f"/schedules/{schedule.pk}/remove/")))
    assert html_errors(html_validate, tmp_path) == ""


HINT = "The station does not know its place"


@pytest.mark.parametrize("path", [LIST, "/tonight/"])
def test_a_station_without_a_site_is_told_where_to_set_it(path: str, manager: Any, operator: Any) -> None:
    assert HINT not in shown(manager.get(path))
    CameraHost.objects.update(site={"time_zone": "UTC"})
    assert 'href="/settings/">Set the site</a>' in text_of(manager.get(path))
    assert "A manager can set the site on the page Settings." in shown(operator.get(path))
