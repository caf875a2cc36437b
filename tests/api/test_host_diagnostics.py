"""What doctor finds on the machine that answers stands on the status page and in health/."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from cameras import broker, status
from cameras.models import Camera
from cameras.process_usage import ProcessUsage, read_usages
from skycam_project import host_diagnostics
from skycam_project.cli.diagnostics.machine import clock
from skycam_project.cli.station import Station
from skycam_project.config.folder import KEY_FILE

OPEN_FOLDER = "can access the data folder"


@pytest.fixture
def looked_at_anew() -> Iterator[None]:
    host_diagnostics.clear_cache()
    yield
    host_diagnostics.clear_cache()


@pytest.fixture
def open_folder(looked_at_anew: None) -> Iterator[None]:
    """A data folder that others may enter: a warning of doctor."""
    os.chmod(settings.STATION.data, 0o755)
    yield
    os.chmod(settings.STATION.data, 0o700)


@pytest.fixture
def open_key(looked_at_anew: None) -> Iterator[None]:
    """A secret key that others may read: doctor says broken."""
    os.chmod(settings.STATION.data / KEY_FILE, 0o644)
    yield
    os.chmod(settings.STATION.data / KEY_FILE, 0o600)


@pytest.fixture
def well(valkey: Any, camera: Camera) -> None:
    """A station whose host and camera answer."""
    valkey.set(broker.key("host", "main"), "1", ex=5)
    status.write_status(valkey, {**status.absent_status("sky", "connected", ""), "observed": "ready"})


def test_a_warning_of_doctor_is_a_warning_of_health_and_no_fault(viewer: Any, well: None, open_folder: None) -> None:
    answer = viewer.get("/api/v1/health/")
    assert (answer.status_code, answer.json()["status"], answer.json()["problems"]) == (200, "ok", {})
    assert OPEN_FOLDER in answer.json()["warnings"]["station"][0]


def test_the_status_page_counts_warnings_of_doctor(viewer: Any, well: None, open_folder: None) -> None:
    text = viewer.get("/status/").content.decode()
    assert OPEN_FOLDER in text
    assert "No problems" not in text


def test_what_doctor_finds_broken_is_to_be_put_right(viewer: Any, well: None, open_key: None) -> None:
    answer = viewer.get("/api/v1/health/")
    assert (answer.status_code, list(answer.json()["problems"])) == (503, ["station"])
    assert "1 problem" in viewer.get("/status/").content.decode()


def test_the_clock_is_reported_as_in_doctor(viewer: Any, well: None, looked_at_anew: None) -> None:
    by_doctor = [f"{one.detail} {one.remedy}" for one in clock(Station()) if one.state == "warning"]
    assert viewer.get("/api/v1/health/").json()["warnings"].get("clock", []) == by_doctor


def test_processor_and_memory_of_a_camera_process_stand_on_the_status_page(viewer: Any, well: None) -> None:
    ProcessUsage().write_usage(broker.connection(), {"sky": os.getpid()})
    assert read_usages(["sky"])["sky"]["memory_bytes"] > 10_000_000
    row = viewer.get("/status/").content.decode().partition('id="row-main-sky"')[2].partition("</tr>")[0]
    assert " %</td>" in row
    assert "MB" in row


def test_an_ended_process_is_not_reported(well: None) -> None:
    ProcessUsage().write_usage(broker.connection(), {"sky": 2**22 + 1})
    assert read_usages(["sky"]) == {}
