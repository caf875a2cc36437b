"""Schedules become planned runs in the database, and stay right when anything changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from cameras.models import Camera, CameraHost
from captures.models import Session
from captures.sessions.models import SessionState
from core.events.models import Alert
from scheduler.models import NightChange, PlannedRun, Schedule
from scheduler.runs.replanning import LEAD, replan
from scheduler.tasks import replan_nights
from tests.harness.rows.transactions import Transactions

pytestmark = pytest.mark.django_db
MUNICH = {"latitude": 48.1, "longitude": 11.6, "elevation": 500.0, "time_zone": "Europe/Berlin"}
AFTERNOON = datetime(2027, 1, 15, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def host(camera: Camera) -> CameraHost:
    host, _ = CameraHost.objects.update_or_create(name=camera.host, defaults={"site": MUNICH})
    return host


def add(camera: Camera, name: str = "Dark sky", **fields: Any) -> Schedule:
    given: Any = {"programme": {"exposure_us": 1000, "cadence_s": 60.0}, "window": {"sun": -18.0}, **fields}
    schedule: Schedule = Schedule.objects.create(name=name, created_by="anna", **given)
    schedule.cameras.add(camera)
    return schedule


def runs(name: str = "Dark sky") -> list[PlannedRun]:
    return list(PlannedRun.objects.filter(name=name))


def test_a_schedule_has_a_run_in_each_of_the_next_nights(camera: Camera) -> None:
    add(camera)
    replan(AFTERNOON)
    first = runs()[0]
    assert [str(run.night) for run in runs()] == ["2027-01-15", "2027-01-16", "2027-01-17", "2027-01-18"]
    assert datetime(2027, 1, 15, 17, tzinfo=UTC) < first.begins_at < datetime(2027, 1, 15, 18, tzinfo=UTC)
    assert datetime(2027, 1, 16, 5, tzinfo=UTC) < first.ends_at < datetime(2027, 1, 16, 6, tzinfo=UTC)
    assert first.programme == {"exposure_us": 1000, "cadence_s": 60.0, "f_number": 1.4}
    assert first.created_by == "anna"


def test_planning_again_keeps_the_ids(camera: Camera) -> None:
    add(camera)
    replan(AFTERNOON)
    before = [(run.pk, run.windows) for run in runs()]
    replan(AFTERNOON + HOUR)
    assert [(run.pk, run.windows) for run in runs()] == before


def test_a_changed_schedule_moves_its_runs_and_keeps_their_ids(camera: Camera) -> None:
    schedule = add(camera)
    replan(AFTERNOON)
    before = runs()[0]
    Schedule.objects.filter(pk=schedule.pk).update(window={"sun": -6.0})
    replan(AFTERNOON)
    assert runs()[0].pk == before.pk
    assert runs()[0].begins_at < before.begins_at


def test_a_run_that_has_begun_does_not_change(camera: Camera) -> None:
    schedule = add(camera)
    replan(AFTERNOON)
    before = runs()[0]
    Schedule.objects.filter(pk=schedule.pk).update(window={"sun": -6.0}, programme={"exposure_us": 5})
    replan(before.begins_at - LEAD)
    assert (runs()[0].pk, runs()[0].windows, runs()[0].programme) == (before.pk, before.windows, before.programme)


def test_a_site_that_changes_in_a_night_leaves_its_run_alone(camera: Camera, host: CameraHost) -> None:
    add(camera)
    replan(AFTERNOON)
    tonight, tomorrow = runs()[:2]
    CameraHost.objects.update(site={**MUNICH, "longitude": -70.0, "time_zone": "America/Santiago"})
    replan(tonight.begins_at + HOUR)
    assert PlannedRun.objects.get(pk=tonight.pk).windows == tonight.windows
    assert PlannedRun.objects.filter(night=tomorrow.night).exclude(begins_at=tomorrow.begins_at).exists()


def test_a_disabled_schedule_has_no_runs(camera: Camera) -> None:
    schedule = add(camera)
    replan(AFTERNOON)
    Schedule.objects.filter(pk=schedule.pk).update(enabled=False)
    found = replan(AFTERNOON)
    assert runs() == []
    assert {loser.reason for loser in found.losers} == {"disabled"}


def test_a_night_that_is_skipped_has_no_run(camera: Camera) -> None:
    schedule = add(camera)
    NightChange.objects.create(schedule=schedule, night="2027-01-16", skip=True)
    replan(AFTERNOON)
    assert [str(run.night) for run in runs()] == ["2027-01-15", "2027-01-17", "2027-01-18"]


def test_the_rest_of_a_run_that_was_stopped_is_free_for_another_schedule(camera: Camera) -> None:
    add(camera, "Low", priority=1)
    add(camera, "High", priority=2)
    replan(AFTERNOON)
    high = PlannedRun.objects.get(night="2027-01-15")
    stopped_at = high.begins_at + HOUR
    Session.objects.create(
        id=high.pk, camera=camera, programme=high.programme, state=SessionState.STOPPED, ended_at=stopped_at
    )
    replan(stopped_at)
    low = PlannedRun.objects.get(night=high.night, schedule__name="Low")
    assert stopped_at <= low.begins_at <= stopped_at + 2 * LEAD
    assert low.ends_at == high.ends_at


def test_an_extended_run_that_has_begun_gets_a_second_part(camera: Camera) -> None:
    schedule = add(camera)
    replan(AFTERNOON)
    tonight = runs()[0]
    NightChange.objects.create(schedule=schedule, night=tonight.night, ends_at=tonight.ends_at + HOUR)
    replan(tonight.begins_at + HOUR)
    first, second = PlannedRun.objects.filter(night=tonight.night).order_by("part")
    assert (first.pk, first.ends_at) == (tonight.pk, tonight.ends_at)
    assert (second.begins_at, second.ends_at) == (tonight.ends_at, tonight.ends_at + HOUR)


def test_the_higher_priority_has_the_camera(camera: Camera) -> None:
    add(camera, "Low", priority=1)
    add(camera, "High", priority=2, window={"begin": "22:00", "end": "23:00"})
    replan(AFTERNOON)
    tonight = PlannedRun.objects.filter(night="2027-01-15").order_by("begins_at")
    assert [run.name for run in tonight] == ["Low", "High", "Low"]


def test_a_schedule_that_is_added_in_its_window_begins_in_some_seconds(camera: Camera) -> None:
    add(camera)
    midnight = datetime(2027, 1, 15, 23, 0, tzinfo=UTC)
    replan(midnight)
    assert runs()[0].begins_at == midnight + LEAD


def test_a_stopped_run_is_not_planned_again(camera: Camera) -> None:
    add(camera)
    replan(AFTERNOON)
    tonight = runs()[0]
    Session.objects.create(id=tonight.pk, camera=camera, programme=tonight.programme, state=SessionState.STOPPED)
    replan(tonight.begins_at + HOUR)
    assert [run.pk for run in PlannedRun.objects.filter(night=tonight.night)] == [tonight.pk]


def test_a_removed_camera_has_no_runs(camera: Camera) -> None:
    add(camera)
    Camera.objects.update(removed_at=AFTERNOON)
    replan(AFTERNOON)
    assert runs() == []


def test_a_host_without_a_site_plans_by_the_clock_only(camera: Camera, host: CameraHost) -> None:
    CameraHost.objects.update(site={})
    add(camera)
    add(camera, "Evening", window={"begin": "20:00", "end": "21:00"})
    found = replan(AFTERNOON)
    assert runs() == []
    assert len(runs("Evening")) == 4
    assert "no_site" in {loser.reason for loser in found.losers}


def test_a_host_with_only_one_coordinate_is_an_unusable_site_and_not_an_error(camera: Camera, viewer: Any) -> None:
    CameraHost.objects.update(site={"latitude": 48.1})
    add(camera)
    replan(AFTERNOON)
    assert "only one of latitude and longitude" in Alert.objects.get().message
    assert viewer.get("/tonight/").status_code == viewer.get("/nights/").status_code == 200


def test_a_schedule_that_cannot_be_planned_keeps_its_runs_and_costs_no_other(camera: Camera) -> None:
    old, sound = add(camera, "Old", window={"begin": "20:00", "end": "21:00"}), add(camera, "Sound", priority=-1)
    replan(AFTERNOON)
    before = runs("Old")
    Schedule.objects.filter(pk=old.pk).update(programme={"exposure_us": "long"})
    Schedule.objects.filter(pk=sound.pk).update(window={"sun": -6.0})
    replan(AFTERNOON)
    assert [run.pk for run in runs("Old")] == [run.pk for run in before]
    assert runs("Sound")[0].begins_at < datetime(2027, 1, 15, 17, tzinfo=UTC)


def test_a_schedule_that_cannot_be_planned_is_an_alert_until_it_can(camera: Camera) -> None:
    schedule = add(camera)
    Schedule.objects.filter(pk=schedule.pk).update(programme={"exposure_us": "long"})
    replan(AFTERNOON)
    assert open_alerts() == [f"schedule.unplannable:{schedule.pk}"]
    Schedule.objects.filter(pk=schedule.pk).update(programme={"exposure_us": 1000, "cadence_s": 60.0})
    replan(AFTERNOON)
    assert open_alerts() == []


def test_a_site_that_cannot_be_used_leaves_the_runs_of_its_cameras_alone(camera: Camera, host: CameraHost) -> None:
    add(camera)
    replan(AFTERNOON)
    before = [run.pk for run in runs()]
    CameraHost.objects.filter(pk=host.pk).update(site={**MUNICH, "time_zone": "Middle/Earth"})
    replan(AFTERNOON)
    assert [run.pk for run in runs()] == before
    assert len(open_alerts()) == 1


def test_a_plan_that_fails_is_an_alert_until_it_succeeds(camera: Camera, host: CameraHost) -> None:
    add(camera)
    CameraHost.objects.filter(pk=host.pk).update(site="nowhere")
    replan_nights()
    assert open_alerts() == ["schedule.unplannable:all"]
    CameraHost.objects.filter(pk=host.pk).update(site=MUNICH)
    replan_nights()
    assert open_alerts() == []


def open_alerts() -> list[str]:
    return sorted(Alert.objects.exclude(state=Alert.State.RESOLVED).values_list("key", flat=True))


def test_a_schedule_that_changes_while_the_plan_is_made_is_planned_as_it_is_then(camera: Camera) -> None:
    schedule = add(camera)
    waiting = [lambda: Schedule.objects.filter(pk=schedule.pk).update(enabled=False)]

    def execute(run: Any, sql: str, *arguments: Any) -> Any:
        if waiting and sql.startswith("SAVEPOINT"):
            waiting.pop()()
        return run(sql, *arguments)

    with connection.execute_wrapper(execute):
        replan(AFTERNOON)
    assert runs() == []


def test_a_plan_without_changes_writes_nothing(camera: Camera) -> None:
    add(camera)
    replan(AFTERNOON)
    with Transactions() as transactions:
        replan(AFTERNOON)
    assert transactions.most == 0
