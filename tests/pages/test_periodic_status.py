"""The table of periodic work on the status page: what is on time, late, failing or silent."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from cameras.models import Camera
from core.broker import broker
from core.periodic.part_tasks import RunReport
from tests.harness.clients.pages import text_of
from tests.harness.rows.audiences import only_for

RUN = RunReport(
    task="", subject="", known_s=9000.0, running_s=None, idle_s=1.0, took_s=0.1, pause_s=60.0, error="", failed_s=None
)


def report(valkey: Any, host: str, part: str, *runs: dict[str, Any]) -> None:
    found = {"at": time.time(), "runs": [{**RUN, **run} for run in runs]}
    valkey.set(broker.key("periodic", host, part), json.dumps(found))


def row(client: Any, task: str) -> str:
    text = text_of(client.get("/status/now/"))
    return " ".join(text.partition(f'id="task-{task}"')[2].partition("</tr>")[0].split())


def heartbeat(valkey: Any, host: str) -> None:
    valkey.set(broker.key("host", host), json.dumps({"host": host, "clock": "synchronised", "ahead_s": 0.0}))


def test_a_task_shows_how_often_where_and_when_it_ran_last(viewer: Any, camera: Camera, valkey: Any) -> None:
    report(valkey, "main", "jobs", {"task": "retention", "idle_s": 130.0, "pause_s": 120.0})
    shown = row(viewer, "retention")
    assert "Deletes the clips that the rules of count and space no longer keep." in shown
    assert "jobs of main" in shown
    assert "2 min</time>" in shown
    assert "OK" in shown
    assert "The disk may fill up" in shown


def test_a_late_task_is_seen(viewer: Any, camera: Camera, valkey: Any) -> None:
    report(valkey, "main", "jobs", {"task": "retention", "idle_s": 600.0, "running_s": 4000.0})
    shown = row(viewer, "retention")
    assert "Late" in shown
    assert "main: this run began 1 h 6 min ago." in shown
    assert "1 of " in text_of(viewer.get("/status/")).partition('id="periodic-title"')[2].partition("<table")[0]


def test_what_is_not_on_time_stands_above_what_is(viewer: Any, camera: Camera, valkey: Any) -> None:
    report(
        valkey, "main", "jobs", {"task": "retention", "error": "OSError", "failed_s": 4.0}, {"task": "database-check"}
    )
    shown = text_of(viewer.get("/status/now/"))
    assert shown.partition('id="task-')[2].startswith('retention"')


def test_a_task_that_fails_names_its_error_and_the_log(viewer: Any, camera: Camera, valkey: Any) -> None:
    report(valkey, "main", "jobs", {"task": "offsite", "error": "OSError", "failed_s": 4.0})
    assert "main: its last run failed (OSError). The log of the part jobs has the reason." in row(viewer, "offsite")


def test_of_a_task_of_the_station_counts_the_host_that_ran_it_last(viewer: Any, camera: Camera, valkey: Any) -> None:
    Camera.objects.update(host="dome")
    report(valkey, "dome", "jobs", {"task": "scheduler.replan", "idle_s": None})
    report(valkey, "main", "jobs", {"task": "scheduler.replan", "idle_s": 20.0})
    shown = row(viewer, "schedulerreplan")
    assert "jobs of main" in shown
    assert "OK" in shown


def test_what_the_configuration_does_not_want_is_off(viewer: Any, camera: Camera, valkey: Any) -> None:
    report(valkey, "main", "jobs", {"task": "retention"})
    assert "Off" in row(viewer, "dead-man-switch")


def test_a_host_that_answers_and_reports_nothing_is_named(viewer: Any, camera: Camera, valkey: Any) -> None:
    heartbeat(valkey, "main")
    shown = row(viewer, "retention")
    assert "No report" in shown
    assert "main: its part jobs reports nothing." in shown


def test_a_host_that_reports_nothing_is_seen_beside_another_that_does(viewer: Any, camera: Camera, valkey: Any) -> None:
    Camera.objects.update(host="dome")
    heartbeat(valkey, "dome")
    report(valkey, "main", "jobs", {"task": "retention"})
    shown = row(viewer, "retention")
    assert "No report" in shown
    assert "dome: its part jobs reports nothing." in shown


def test_without_the_broker_all_is_unknown(viewer: Any, camera: Camera) -> None:
    assert "Unknown" in row(viewer, "retention")


@pytest.mark.parametrize("name", ["gate", "signals"])
def test_names_of_gates_are_for_those_who_see_all_cameras(
    viewer: Any, manager: Any, camera: Camera, valkey: Any, name: str
) -> None:
    part = {"gate": "cameras", "signals": "sensors"}[name]
    report(valkey, "main", part, {"task": name, "subject": "anna", "idle_s": 900.0})
    only_for(camera, "managers")
    assert "main, anna: its last run ended 15 min ago." in row(manager, name)
    assert "main: its last run ended 15 min ago." in row(viewer, name)
