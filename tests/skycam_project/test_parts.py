"""The table of parts: what each launcher starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.restored_copy import FILE
from skycam_project.config import load_config
from skycam_project.launch.parts import PARTS, Plan, parts_to_start


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path))
    monkeypatch.setenv("SKYCAM_HOST", "dome")
    return Plan(load_config(), {})


def queues_of(plan: Plan) -> str:
    words = PARTS["jobs"].command(plan)
    return words[words.index("--queues") + 1]


def test_a_camera_host_has_parts_for_sensors_and_jobs_beside_its_worker(plan: Plan) -> None:
    assert parts_to_start(plan.config, "worker") == ["files", "worker", "sensors", "jobs"]


def test_another_part_alone_has_no_company(plan: Plan) -> None:
    assert parts_to_start(plan.config, "jobs") == ["jobs"]


def test_a_jobs_part_does_the_work_of_its_host_and_the_stations_periodic_tasks(plan: Plan) -> None:
    assert queues_of(plan) == "jobs,jobs.dome,files.dome"


def test_the_jobs_part_of_a_camera_host_leaves_the_periodic_tasks_to_the_main_machine(plan: Plan) -> None:
    beside_worker = Plan(plan.config, plan.environment, only="worker")
    assert queues_of(beside_worker) == "jobs.dome,files.dome"


def test_a_restored_copy_that_is_paused_runs_its_pages_alone(plan: Plan) -> None:
    (plan.config.data / FILE).write_text("dome")
    assert parts_to_start(plan.config, None) == ["valkey", "web"]
