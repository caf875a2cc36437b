"""The table of parts: what each launcher starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.restored_copy import FILE
from skycam_project.config import load_config
from skycam_project.launch.parts import PARTS, Plan, parts_of, parts_to_lock, parts_to_start


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path))
    monkeypatch.setenv("SKYCAM_HOST", "dome")
    return Plan(load_config(), {})


def queues_of(part: str, plan: Plan) -> str:
    words = PARTS[part].command(plan)
    return words[words.index("--queues") + 1]


def test_the_worker_starts_the_parts_of_cameras_and_sensors(plan: Plan) -> None:
    assert parts_of("worker") == ["cameras", "sensors"]
    assert parts_to_start(plan.config, None) == ["valkey", "web", "service", "worker", "jobs", "beat"]


def test_a_camera_host_is_a_worker_with_all_queues_of_its_host_and_a_file_server(plan: Plan) -> None:
    alone = Plan(plan.config, plan.environment, only="worker")
    assert parts_to_start(plan.config, "worker") == ["files", "worker"]
    assert queues_of("worker", alone) == "camera.dome,files.dome,jobs.dome"


def test_no_part_of_a_camera_host_runs_beside_its_worker(plan: Plan) -> None:
    assert parts_to_lock(plan.config, "worker") == ["worker", "files", "cameras", "sensors", "jobs"]


def test_another_part_alone_has_no_company(plan: Plan) -> None:
    assert parts_to_start(plan.config, "jobs") == ["jobs"]


def test_a_jobs_part_does_the_work_of_its_host_and_the_stations_periodic_tasks(plan: Plan) -> None:
    assert queues_of("jobs", plan) == "jobs,jobs.dome,files.dome"


def test_the_worker_of_a_whole_station_leaves_jobs_and_files_to_the_jobs_part(plan: Plan) -> None:
    assert queues_of("worker", plan) == "camera.dome"


def test_a_restored_copy_that_is_paused_runs_its_pages_alone(plan: Plan) -> None:
    (plan.config.data / FILE).write_text("dome")
    assert parts_to_start(plan.config, None) == ["valkey", "web"]
