"""Schedules over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from cameras.models import Camera, CameraHost
from core.events.models import Event
from scheduler.editing.service import ScheduleService
from scheduler.models import PlannedRun, Schedule
from scheduler.schedules.resource import ScheduleChange
from skycam_project.access.models import User

URL = "/api/v1/schedules/"
NEW = {"name": "Dark sky", "cameras": ["sky"], "window": {"begin": "20:00", "end": "05:00"}}


def later_runs() -> QuerySet[PlannedRun]:
    """Without one that may have begun by now, which stays."""
    return PlannedRun.objects.filter(begins_at__gt=timezone.now() + timedelta(minutes=10))


@pytest.fixture
def schedule(operator: Any, camera: Camera) -> dict[str, Any]:
    CameraHost.objects.get_or_create(name=settings.STATION.host)
    body: dict[str, Any] = operator.post(URL, NEW).json()
    return body


def test_an_operator_adds_a_schedule_and_its_runs_are_planned(operator: Any, schedule: dict[str, Any]) -> None:
    assert schedule["cameras"] == ["sky"]
    assert schedule["window"] == {"begin": "20:00", "end": "05:00"}
    assert schedule["created_by"] == "a-operator"
    assert operator.get(URL).json() == {"results": [schedule]}
    assert operator.get(f"{URL}{schedule['id']}/").json() == schedule
    assert later_runs().filter(name="Dark sky").count() >= 3
    assert Event.objects.filter(kind="schedule.added").get().message == "a-operator added the schedule 'Dark sky'."


def test_one_field_is_changed_and_the_others_stay(operator: Any, schedule: dict[str, Any]) -> None:
    changed = operator.patch(f"{URL}{schedule['id']}/", {"priority": 5}).json()
    assert changed == {**schedule, "priority": 5}


def test_what_someone_else_has_changed_meanwhile_stays(schedule: dict[str, Any]) -> None:
    read_before = Schedule.objects.get()
    Schedule.objects.update(priority=7)
    ben = User.objects.create_user("ben", role="operator")
    ScheduleService(ben, "ben").change_given(read_before, ScheduleChange(enabled=False))
    found = Schedule.objects.get()
    assert (found.priority, found.enabled) == (7, False)


def test_a_schedule_is_replaced(operator: Any, schedule: dict[str, Any]) -> None:
    changed = operator.put(f"{URL}{schedule['id']}/", {**NEW, "name": "Other", "enabled": False}).json()
    assert (changed["name"], changed["enabled"]) == ("Other", False)
    assert not later_runs().exists()


def test_a_removed_schedule_takes_its_runs_with_it(operator: Any, schedule: dict[str, Any]) -> None:
    assert operator.delete(f"{URL}{schedule['id']}/").status_code == 204
    assert not Schedule.objects.exists()
    assert not later_runs().exists()


def test_a_night_is_skipped(operator: Any, schedule: dict[str, Any]) -> None:
    night = str(PlannedRun.objects.last().night)  # type: ignore[union-attr]
    body = operator.post(f"{URL}{schedule['id']}/night/", {"night": night, "skip": True}).json()
    assert [body[name] for name in ("night", "skip", "begin", "end", "changed_by")] == [
        night, True, None, None, "a-operator",
    ]  # fmt: skip
    assert ([run["camera"] for run in body["before"]], body["runs"]) == (["sky"], [])
    assert "is dropped" in body["remarks"][0]
    assert not PlannedRun.objects.filter(night=night).exists()


def test_a_time_that_is_not_in_the_night_is_refused(operator: Any, schedule: dict[str, Any]) -> None:
    night = str(PlannedRun.objects.last().night)  # type: ignore[union-attr]
    answer = operator.post(f"{URL}{schedule['id']}/night/", {"night": night, "end": "2049-01-01T00:00:00Z"})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["end"]


def test_a_night_at_the_end_of_the_calendar_is_refused(operator: Any, schedule: dict[str, Any]) -> None:
    answer = operator.post(f"{URL}{schedule['id']}/night/", {"night": "9999-12-31", "skip": True})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["night"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**NEW, "cameras": ["dome"]}, "cameras"),
        ({**NEW, "name": "dark SKY"}, "name"),
        ({**NEW, "name": "a", "window": {"sun": "dusk"}}, "window"),
        ({**NEW, "name": "a", "programme": {"exposure_us": 0}}, "programme"),
        ({"name": "a"}, "cameras"),
        ([], ""),
    ],
)
def test_what_is_wrong_changes_nothing(operator: Any, schedule: dict[str, Any], body: Any, field: str) -> None:
    answer = operator.post(URL, body)
    assert answer.status_code == 400
    assert any(error["field"].startswith(field) for error in answer.json()["errors"])
    assert Schedule.objects.count() == 1


def test_a_schedule_that_does_not_exist_is_not_found(operator: Any) -> None:
    assert operator.get(f"{URL}0193a000-0000-7000-8000-000000000003/").status_code == 404
