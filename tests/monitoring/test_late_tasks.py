"""A periodic task that is late: its metric and its alert."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from cameras.models import CameraHost
from core.broker import broker
from core.events.models import Alert
from core.periodic.part_tasks import PartReport, RunReport
from core.station_owner import StationOwner
from monitoring.late_tasks import ALERT_AFTER_S, late_metrics, lateness, update_late_alerts

pytestmark = pytest.mark.django_db
Report = Callable[..., None]
DUE_S = 300.0 + 0.5 * 300.0
"""After this, a task of each 5 minutes is late."""
BEAT = "monitoring.remove_expired"
HOST_TASK = "usage-sampler"


def publish(host: str, part: str, task: str, idle_s: float | None, error: str = "") -> None:
    run = RunReport(
        task=task, subject="", known_s=9000.0, running_s=None, idle_s=idle_s, took_s=0.1, pause_s=300.0, error=error,
        failed_s=None,
    )  # fmt: skip
    broker.connection().set(broker.key("periodic", host, part), json.dumps(PartReport(at=time.time(), runs=[run])))


@pytest.fixture
def report(valkey: Any) -> Report:
    return publish


@pytest.fixture
def another_host() -> str:
    return CameraHost.objects.create(name="dome").name


def open_keys() -> list[str]:
    return list(Alert.objects.exclude(state=Alert.State.RESOLVED).values_list("key", flat=True))


def host() -> str:
    return str(settings.STATION.host)


def test_a_task_on_time_is_late_by_0_seconds(report: Report) -> None:
    report(host(), "cameras", HOST_TASK, 200.0)
    assert lateness() == {(host(), HOST_TASK): 0.0}


def test_a_task_that_stays_late_opens_an_alert_that_says_what_it_costs(report: Report) -> None:
    report(host(), "cameras", HOST_TASK, DUE_S + ALERT_AFTER_S)
    update_late_alerts(host())
    alert = Alert.objects.get(key=f"host.task_late:{host()}:{HOST_TASK}")
    assert alert.message == (
        f"The periodic task {HOST_TASK} of {host()} is late. The charts have a gap. `skycam doctor` says more."
    )


def test_a_task_that_was_late_for_a_moment_opens_none(report: Report) -> None:
    report(host(), "cameras", HOST_TASK, DUE_S + ALERT_AFTER_S - 1)
    update_late_alerts(host())
    assert open_keys() == []


def test_a_task_that_fails_again_and_again_opens_an_alert(report: Report) -> None:
    report(host(), "cameras", HOST_TASK, None, "OSError")
    update_late_alerts(host())
    assert open_keys() == [f"host.task_late:{host()}:{HOST_TASK}"]


def test_the_alert_closes_once_the_task_is_on_time(report: Report) -> None:
    report(host(), "cameras", HOST_TASK, 9000.0)
    update_late_alerts(host())
    report(host(), "cameras", HOST_TASK, 1.0)
    update_late_alerts(host())
    assert open_keys() == []


def test_a_task_of_the_station_is_that_of_the_host_which_ran_it_last(report: Report, another_host: str) -> None:
    report(host(), "jobs", BEAT, 9000.0)
    report(another_host, "jobs", BEAT, 1.0)
    assert lateness() == {(another_host, BEAT): 0.0}


def test_each_host_opens_the_alerts_of_its_own_tasks(report: Report, another_host: str) -> None:
    report(another_host, "cameras", HOST_TASK, 9000.0)
    update_late_alerts(host())
    assert open_keys() == []


def test_the_metric_has_each_reported_task(report: Report) -> None:
    report(host(), "cameras", HOST_TASK, DUE_S + 7)
    (family,) = late_metrics(StationOwner())
    assert [(one.labels, one.value) for one in family.samples] == [({"task": HOST_TASK, "host": host()}, 7.0)]


def test_a_broker_that_is_away_leaves_the_alerts_as_they_are() -> None:
    update_late_alerts(host())
    assert list(late_metrics(StationOwner())) == []
