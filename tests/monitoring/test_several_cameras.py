"""Events, alerts and jobs that are about several cameras: who may not see one of them sees none of the rows."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from cameras.models import Camera
from cameras.sockets.access import Access
from cameras.status.consumers import events_message
from core.events.models import Alert
from core.events.service import AlertNotice, EventNotice, acknowledge_alert, raise_alert, record_event, resolve_alert
from core.jobs.models import Job
from core.jobs.services import enqueue
from monitoring.alert_rules.event_rules import clear_cache
from monitoring.models import AlertRule
from monitoring.notifications.silences import add_silence, silence_alert
from scheduler.editing.service import ScheduleService
from scheduler.models import Schedule
from scheduler.runs.rules import report_problems
from scheduler.schedules.resource import ScheduleChange, ScheduleRequest
from skycam_project.access.models import User
from tests.harness.rows.audiences import only_for

EVENTS, ALERTS, JOBS, SILENCES = (f"/api/v1/{name}/" for name in ("events", "alerts", "jobs", "silences"))
REQUEST: dict[str, Any] = {
    "name": "secret night", "programme": {"exposure_us": 1000, "cadence_s": 60},
    "window": {"begin": "20:00", "end": "05:00"},
}  # fmt: skip


@pytest.fixture
def hidden(camera: Camera) -> Camera:
    """From all but managers. `sky` is not."""
    return only_for(Camera.objects.create(slug="attic", name="Attic", kind="simulated", host=camera.host))


@pytest.fixture
def both(camera: Camera, hidden: Camera) -> list[Camera]:
    return [camera, hidden]


def texts(client: Any, url: str) -> list[str]:
    return [one["message"] for one in client.get(url).json()["results"]]


@pytest.mark.parametrize("record", [record_event, raise_alert, enqueue, add_silence])
def test_who_records_something_has_to_say_of_which_cameras_it_is(record: Any) -> None:
    assert inspect.signature(record).parameters["camera"].default is inspect.Parameter.empty


def test_an_event_of_several_cameras_is_for_those_who_may_see_all(
    operator: Any, manager: Any, both: list[Camera], camera: Camera
) -> None:
    record_event("schedule.added", "It names both.", camera=both)
    record_event("schedule.added", "It names one.", camera=[camera])
    record_event("storage.full", "It names none.", camera=[])
    assert texts(operator, EVENTS) == ["It names none.", "It names one."]
    assert texts(manager, EVENTS) == ["It names none.", "It names one.", "It names both."]


def test_the_first_of_several_cameras_is_that_of_the_event(manager: Any, both: list[Camera]) -> None:
    record_event("schedule.added", "It names both.", camera=both)
    assert [one["message"] for one in manager.get(f"{EVENTS}?camera=sky").json()["results"]] == ["It names both."]


def test_an_alert_of_several_cameras_stays_hidden_with_all_that_happens_to_it(
    operator: Any, manager: Any, both: list[Camera]
) -> None:
    silence_alert(raise_alert("a:b", "It names both.", camera=both), "manager")
    acknowledge_alert(raise_alert("a:b", "It names both again.", camera=both), "manager")
    assert (texts(operator, ALERTS), operator.get(SILENCES).json()["results"]) == ([], [])
    resolve_alert("a:b")
    assert texts(operator, EVENTS) == []
    assert len(texts(manager, EVENTS)) == 5


def test_an_alert_of_a_rule_on_events_is_hidden_as_the_event_is(operator: Any, both: list[Camera]) -> None:
    AlertRule.objects.create(name="added", kind="event", subject="schedule.*", threshold=1)
    clear_cache()
    record_event("schedule.added", "It names both.", camera=both)
    assert Alert.objects.get().camera_ids == [str(one.pk) for one in both]
    assert texts(operator, ALERTS) == []


def test_a_job_of_several_cameras_is_for_those_who_may_see_all(operator: Any, manager: Any, both: list[Camera]) -> None:
    job, _ = enqueue("archive", "main", camera=both)
    assert operator.get(JOBS).json()["results"] == []
    assert operator.post(f"{JOBS}{job.pk}/cancel/").status_code == 404
    assert [one["id"] for one in manager.get(JOBS).json()["results"]] == [str(job.pk)]
    assert Job.objects.get().state == "waiting"


def test_a_notice_of_several_cameras_goes_to_those_who_may_see_all(both: list[Camera]) -> None:
    ids = [str(one.pk) for one in both]
    notices: list[EventNotice | AlertNotice] = [
        {"type": "event", "camera_ids": ids, "body": {"kind": "schedule.added", "data": {}}}  # type: ignore[typeddict-item]
    ]
    sees_all, sees_one = Access(camera_ids=frozenset(ids), is_manager=True), Access(camera_ids=frozenset(ids[:1]))
    assert events_message(notices, sees_all) is not None
    assert events_message(notices, sees_one) is None


# Those who record


def test_the_events_of_a_schedule_are_hidden_with_one_of_its_cameras(
    operator: Any, manager: Any, both: list[Camera]
) -> None:
    service = ScheduleService(User.objects.get(role="manager"), "mary", lambda: None)
    added = service.add(ScheduleRequest.model_validate({**REQUEST, "cameras": ["sky", "attic"]}))
    service.change_given(added, ScheduleChange(priority=2))
    service.remove(added)
    assert texts(operator, EVENTS) == []
    assert len(texts(manager, EVENTS)) == 3


def test_the_alert_of_a_schedule_that_cannot_be_planned_is_hidden_with_its_camera(
    operator: Any, manager: Any, hidden: Camera
) -> None:
    schedule = Schedule.objects.create(name="secret night", programme={}, window={})
    schedule.cameras.add(hidden)
    report_problems({schedule.pk: "The schedule secret night cannot be planned."}, [schedule])
    assert (texts(operator, ALERTS), len(texts(manager, ALERTS))) == ([], 1)
