"""What a night will bring, and why nothing runs."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera, CameraHost
from captures.models import Session
from captures.sessions.models import SessionState
from core.resources.resource import body_of
from scheduler.models import FieldList, NightlyStart, PlannedRun, Schedule
from scheduler.planning.rules import Site
from scheduler.planning.sky import sky_of_night
from scheduler.runs.replanning import replan
from scheduler.runs.rules import night_at
from scheduler.tonight.bodies import NightBody
from scheduler.tonight.night import NOT_PLANNED, Night, night_for
from skycam_project.access.models import User
from tests.harness.clients.pages import text_of
from tests.harness.rows.audiences import only_for

pytestmark = pytest.mark.django_db
AFTERNOON = datetime(2027, 1, 15, 13, 0, tzinfo=UTC)
TONIGHT = date(2027, 1, 15)
MUNICH = {"latitude": 48.1, "longitude": 11.6, "elevation": 500.0, "time_zone": "Europe/Berlin"}
SVALBARD = Site(latitude=78.2, longitude=15.6, time_zone="Arctic/Longyearbyen")


@pytest.fixture(autouse=True)
def afternoon(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    CameraHost.objects.update_or_create(name=camera.host, defaults={"site": MUNICH})
    monkeypatch.setattr(timezone, "now", lambda: AFTERNOON)


@pytest.fixture
def manager() -> User:
    user: User = User.objects.create_user("mary", role="manager")
    return user


def add(camera: Camera, name: str = "Dark sky", **fields: Any) -> Schedule:
    given: Any = {"programme": {"exposure_us": 1000, "cadence_s": 60.0}, "window": {"sun": -18.0}, **fields}
    schedule: Schedule = Schedule.objects.create(name=name, **given)
    schedule.cameras.add(camera)
    replan(AFTERNOON)
    return schedule


def night(user: User, **wanted: Any) -> Night:
    return night_for(user, **wanted)


def test_the_runs_of_the_night_with_their_pictures(camera: Camera, manager: User) -> None:
    add(camera)
    found = night(manager)
    [run] = found.runs
    assert found.night == TONIGHT
    assert not found.dry_run
    assert run.amount.pictures == pytest.approx((run.end - run.begin) / timedelta(minutes=1), abs=1)
    assert found.sentence.startswith("1 run on 1 camera, from 18:3")
    assert found.sentence.endswith("CET, about 690 pictures.")


def test_a_run_has_the_state_of_its_session(camera: Camera, manager: User) -> None:
    add(camera)
    run = PlannedRun.objects.get(night=TONIGHT)
    Session.objects.create(id=run.pk, camera=camera, programme=run.programme, state=SessionState.RUNNING)
    assert [one.state for one in night(manager).runs] == ["running"]


def test_the_sentence_names_a_run_that_was_stopped_and_counts_no_room_for_it(camera: Camera, manager: User) -> None:
    add(camera)
    run = PlannedRun.objects.get(night=TONIGHT)
    Session.objects.create(id=run.pk, camera=camera, programme=run.programme, state=SessionState.STOPPED)
    found = night(manager)
    assert found.sentence.endswith(f"Dark sky on {camera.name} was stopped. Nothing more will run.")
    assert found.room == []


def test_without_a_schedule_the_sentence_says_what_to_do(manager: User) -> None:
    assert night(manager).sentence == (
        "Nothing will run: there is no schedule with a camera. Add one on the page Schedules, or with "
        "`skycam schedules add`."
    )


@pytest.fixture
def mosaic(camera: Camera) -> Camera:
    """The camera of a telescope, which observes a field list each night."""
    made = Camera.objects.create(slug="mosaic", name="Mosaic", kind="telescope", address="x:1,2", host=camera.host)
    found = FieldList.objects.create(name="Supernovae")
    NightlyStart.objects.create(field_list=found, camera=made, options={})
    return made


def test_what_a_telescope_observes_is_named_beside_the_schedules(manager: User, mosaic: Camera) -> None:
    assert night(manager).sentence == (
        "No schedule will run: there is no schedule with a camera. Add one on the page Schedules, or with "
        "`skycam schedules add`. Mosaic observes the field list Supernovae each night."
    )


def test_a_telescope_that_observes_now_is_named_after_the_runs(camera: Camera, manager: User, mosaic: Camera) -> None:
    add(camera)
    programme = {"kind": "telescope", "telescope": {"name": "Comets"}}
    Session.objects.create(camera=mosaic, programme=programme, state=SessionState.RUNNING)
    assert night(manager).sentence.endswith("about 690 pictures. Mosaic observes the field list Comets now.")


def test_a_telescope_that_a_user_may_not_see_is_not_named(manager: User, mosaic: Camera) -> None:
    only_for(mosaic)
    assert "Mosaic" not in night(User.objects.create_user("vera", role="viewer")).sentence


def test_a_run_that_is_not_planned_yet_is_named(camera: Camera, manager: User) -> None:
    add(camera)
    PlannedRun.objects.all().delete()
    found = night(manager)
    assert [one.reason for one in found.without_run] == ["not_planned"]
    assert found.sentence == f"Nothing will run. Dark sky: {NOT_PLANNED}"


def test_a_schedule_that_cannot_be_planned_is_named_with_its_problem(camera: Camera, manager: User) -> None:
    schedule = add(camera)
    PlannedRun.objects.all().delete()
    Schedule.objects.filter(pk=schedule.pk).update(window={"sun": "low"})
    [reason] = night(manager).without_run
    assert reason.reason == "unplannable"
    assert reason.message.startswith("The schedule Dark sky cannot be planned: ")
    [dry] = night(manager, night=date(2027, 2, 1)).without_run
    assert dry.reason == "unplannable"


def test_a_schedule_that_cannot_be_planned_keeps_its_run_and_is_not_without_one(camera: Camera, manager: User) -> None:
    schedule = add(camera)
    Schedule.objects.filter(pk=schedule.pk).update(window={"sun": "low"})
    found = night(manager)
    assert len(found.runs) == 1
    assert found.without_run == []


def test_the_reason_of_a_schedule_without_a_run_is_a_sentence(camera: Camera, manager: User) -> None:
    add(camera, weekdays=["mon"])
    found = night(manager)
    assert [one.reason for one in found.without_run] == ["weekday"]
    assert found.sentence.startswith("Nothing will run. Dark sky: ")


def test_another_night_is_a_dry_run_that_stores_nothing(camera: Camera, manager: User) -> None:
    add(camera, window={"sun": -20.0})
    before = list(PlannedRun.objects.values_list("pk", "windows"))
    found = night(manager, night=date(2028, 6, 21))
    assert found.dry_run
    assert [one.reason for one in found.without_run] == ["never_dark"]
    assert list(PlannedRun.objects.values_list("pk", "windows")) == before


def test_a_date_that_the_clocks_of_a_place_skipped_has_no_runs(camera: Camera, manager: User) -> None:
    add(camera)
    found = night(manager, night=date(2011, 12, 30), place=Site(-13.8, -171.8, 0, "Pacific/Apia"))
    assert found.sky is None
    assert found.sentence == "Nothing will run. Dark sky: The clocks of Pacific/Apia skipped this date."


def test_another_place_is_a_dry_run(camera: Camera, manager: User) -> None:
    add(camera, window={"sun": -6.0})
    found = night(manager, place=SVALBARD)
    assert found.dry_run
    assert found.runs[0].end - found.runs[0].begin > timedelta(hours=17)
    assert found.sky is not None
    assert found.sky.twilight.sunrise is None


def test_the_body_has_the_twilights_and_the_room(camera: Camera, manager: User) -> None:
    add(camera)
    body = body_of(NightBody, night(manager))
    sky = body["twilight"]
    assert sky is not None
    times = [sky["sunset"], sky["civil_dusk"], sky["nautical_dusk"], sky["astronomical_dusk"]]
    assert times == sorted(times, key=str)
    assert [room["camera"] for room in body["room"]] == ["sky"]
    assert body["runs"][0]["exposures"] == "1 ms"


def test_the_page_has_no_space_before_punctuation(camera: Camera, viewer: Any) -> None:
    add(camera)
    content = text_of(viewer.get("/tonight/")).partition('id="night-title"')[2].partition("</main>")[0]
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", content))
    assert "sky: the size of its pictures is not known yet" in shown
    assert re.findall(r"\S+ [,;.] \S*", shown) == []


def test_the_page_has_the_clock_of_the_site_that_it_names(camera: Camera, viewer: Any) -> None:
    add(camera, window={"begin": "23:30", "end": "23:45"})
    content = text_of(viewer.get("/tonight/"))
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", content))
    assert "times in Europe/Berlin" in shown
    assert "from 23:30 to 23:45 CET" in shown
    assert "23:30:00 23:45:00" in shown


def test_a_night_is_computed_once(camera: Camera, manager: User) -> None:
    sky_of_night.cache_clear()
    night(manager)
    assert sky_of_night.cache_info().misses == 1


def test_a_hidden_camera_is_in_no_night(camera: Camera, manager: User) -> None:
    add(camera)
    Camera.objects.update(restricted=True)
    stranger = User.objects.create_user("sam", role="operator")
    found = night(stranger)
    assert found.runs == []
    assert found.without_run == []


@pytest.mark.parametrize(
    ("hour", "evening"),
    [(2, "2027-01-14"), (6, "2027-01-14"), (8, "2027-01-15"), (13, "2027-01-15"), (22, "2027-01-15")],
)
def test_by_day_the_night_is_the_coming_one(hour: int, evening: str) -> None:
    munich = Site(latitude=48.1, longitude=11.6, time_zone="Europe/Berlin")
    assert str(night_at(munich, datetime(2027, 1, 15, hour, tzinfo=UTC))) == evening


def test_more_runs_of_a_camera_need_no_more_queries(viewer: Any, camera: Camera) -> None:
    add(camera, window={"begin": "20:00", "end": "21:00"})
    few = queries(viewer)
    for hour in (21, 22, 23):
        add(camera, f"At {hour}", window={"begin": f"{hour}:00", "end": f"{hour}:30"})
    assert queries(viewer) == few


def queries(client: Any) -> int:
    client.get("/tonight/")
    with CaptureQueriesContext(connection) as context:
        assert client.get("/tonight/").status_code == 200
    return len(context)
