"""What a change of one night does to its runs, and what it says of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera, CameraHost
from captures.models import Session
from core.resources.resource import body_of
from scheduler.editing.service import ScheduleService
from scheduler.models import PlannedRun, Schedule
from scheduler.schedules.resource import ChangedNightBody, NightRequest, ScheduleRequest
from skycam_project.access.models import User

pytestmark = pytest.mark.django_db
EVENING = datetime(2027, 1, 15, 17, 30, tzinfo=UTC)
TONIGHT = date(2027, 1, 15)


@pytest.fixture(autouse=True)
def evening(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    CameraHost.objects.update_or_create(name=camera.host, defaults={"site": {"time_zone": "UTC"}})
    monkeypatch.setattr(timezone, "now", lambda: EVENING)


@pytest.fixture
def service(db: None) -> ScheduleService:
    return ScheduleService(User.objects.create_user("mary", role="manager"), "mary")


def add(service: ScheduleService, name: str, begin: str, end: str, **fields: Any) -> Schedule:
    wanted = {"name": name, "cameras": ["sky"], "window": {"begin": begin, "end": end}, **fields}
    return service.add(ScheduleRequest.model_validate(wanted))


def begin_run(schedule: Schedule, monkeypatch: pytest.MonkeyPatch, after: timedelta) -> None:
    run = PlannedRun.objects.get(schedule=schedule, night=TONIGHT)
    Session.objects.create(id=run.pk, camera=run.camera, programme=run.programme, state="running")
    monkeypatch.setattr(timezone, "now", lambda: EVENING + after)


def shift(service: ScheduleService, schedule: Schedule, hour: int, minute: int = 0) -> Any:
    end = datetime(2027, 1, 15, hour, minute, tzinfo=UTC)
    return body_of(ChangedNightBody, service.change_night(schedule, NightRequest(night=TONIGHT, end=end)))


def test_an_earlier_end_of_a_running_run_says_that_it_goes_on(
    service: ScheduleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    twilight = add(service, "Twilight", "18:00", "23:00")
    begin_run(twilight, monkeypatch, timedelta(hours=1))
    body = shift(service, twilight, 20)
    assert body["before"] == body["runs"]
    assert body["remarks"] == [
        "The run of Twilight on sky has begun and goes on until 2027-01-15 23:00:00 UTC: stop its session to end it."
    ]


def test_a_run_behind_it_that_is_no_longer_wanted_is_dropped_and_named(
    service: ScheduleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    twilight = add(service, "Twilight", "18:00", "20:00")
    begin_run(twilight, monkeypatch, timedelta(hours=1))
    assert len(shift(service, twilight, 22)["runs"]) == 2
    body = shift(service, twilight, 19, 30)
    assert (len(body["before"]), len(body["runs"])) == (2, 1)
    assert body["remarks"] == [
        "The run of Twilight on sky from 2027-01-15 20:00:00 UTC to 2027-01-15 22:00:00 UTC is dropped.",
        "The run of Twilight on sky has begun and goes on until 2027-01-15 20:00:00 UTC: stop its session to end it.",
    ]


def test_a_run_of_another_schedule_that_gives_way_is_named(service: ScheduleService) -> None:
    comet = add(service, "Comet", "21:00", "23:00")
    twilight = add(service, "Twilight", "18:00", "20:00", priority=5)
    assert PlannedRun.objects.filter(schedule=comet, night=TONIGHT).exists()
    body = shift(service, twilight, 22)
    (own, other) = body["remarks"]
    assert own.startswith("The run of Twilight on sky is now from 2027-01-15 18:00:00 UTC to 2027-01-15 22:00:00 UTC")
    assert other == (
        "The run of Comet on sky is now from 2027-01-15 22:00:00 UTC to 2027-01-15 23:00:00 UTC; it was from "
        "2027-01-15 21:00:00 UTC to 2027-01-15 23:00:00 UTC."
    )


def test_a_time_outside_of_the_night_is_refused_with_its_zone(operator: Any, service: ScheduleService) -> None:
    twilight = add(service, "Twilight", "18:00", "20:00")
    path = f"/api/v1/schedules/{twilight.pk}/night/"
    refused = operator.post(path, {"night": "2027-01-15", "end": "2027-03-01T12:00:00Z"})
    assert refused.status_code == 400
    detail = refused.json()["detail"]
    assert "which is from 2027-01-15 00:00:00 UTC to 2027-01-16 00:00:00 UTC." in detail
