"""Doctor's findings on the answering machine are on the status page and in health/."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from cameras.models import Camera
from cameras.status import status
from cameras.status.messages import absent_status
from cameras.status.process_usage import ProcessUsageWriter, read_usages
from core.broker import broker
from skycam_project import health
from skycam_project.cli.diagnostics.machine import clock
from skycam_project.cli.station import Station
from skycam_project.config.folder import KEY_FILE
from tests.harness.clients.pages import text_of
from tests.harness.rows.cameras import add_camera

OPEN_FOLDER = "can access the data folder"


@pytest.fixture
def cleared_cache() -> Iterator[None]:
    health.clear_cache()
    yield
    health.clear_cache()


@pytest.fixture
def open_folder(cleared_cache: None) -> Iterator[None]:
    """A data folder that other users can access: doctor warns."""
    os.chmod(settings.STATION.data, 0o755)
    yield
    os.chmod(settings.STATION.data, 0o700)


@pytest.fixture
def open_key(cleared_cache: None) -> Iterator[None]:
    """A secret key that other users can read: doctor reports it as broken."""
    os.chmod(settings.STATION.data / KEY_FILE, 0o644)
    yield
    os.chmod(settings.STATION.data / KEY_FILE, 0o600)


@pytest.fixture
def lost_password(db: None, cleared_cache: None) -> None:
    """The restricted camera `yard`, whose password cannot be decrypted: doctor reports it as broken, by its name."""
    add_camera(slug="yard", kind="network", address="rtsp://viewer:sesame@10.0.0.9/live")
    Camera.objects.update(encrypted_address="of another key", restricted=True)


@pytest.fixture
def healthy_station(valkey: Any, camera: Camera) -> None:
    """A healthy station: its host and its camera answer."""
    valkey.set(broker.key("host", "main"), "{}")
    status.write_status(valkey, {**absent_status("sky", "connected", ""), "observed": "ready"})
    valkey.persist(broker.key("status", "sky"))


def test_a_doctor_warning_is_a_health_warning_and_not_a_problem(
    viewer: Any, healthy_station: None, open_folder: None
) -> None:
    answer = viewer.get("/api/v1/health/")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["problems"] == {}
    assert OPEN_FOLDER in answer.json()["warnings"]["station"][0]


def test_the_status_page_counts_warnings_of_doctor(viewer: Any, healthy_station: None, open_folder: None) -> None:
    text = viewer.get("/status/").content.decode()
    assert OPEN_FOLDER in text
    assert "No problems" not in text


def test_what_doctor_finds_broken_is_a_problem(viewer: Any, healthy_station: None, open_key: None) -> None:
    answer = viewer.get("/api/v1/health/")
    assert answer.status_code == 503
    assert list(answer.json()["problems"]) == ["station"]
    assert "1 problem" in viewer.get("/status/").content.decode()


def test_a_finding_that_names_cameras_is_shown_to_those_who_may_see_all(
    viewer: Any, manager: Any, lost_password: None, valkey: Any
) -> None:
    assert "yard" in manager.get("/api/v1/health/").json()["problems"]["passwords"][0]
    assert "passwords" not in viewer.get("/api/v1/health/").json()["problems"]
    assert "yard" not in text_of(viewer.get("/status/"))


def test_the_clock_is_reported_as_in_doctor(viewer: Any, healthy_station: None, cleared_cache: None) -> None:
    by_doctor = [f"{one.detail} {one.remedy}" for one in clock(Station()) if one.state == "warning"]
    assert viewer.get("/api/v1/health/").json()["warnings"].get("clock", []) == by_doctor


def test_the_status_page_shows_processor_and_memory_of_a_camera_process(viewer: Any, healthy_station: None) -> None:
    ProcessUsageWriter().write_usage(broker.connection(), {"sky": os.getpid()})
    assert read_usages(["sky"])["sky"]["memory_bytes"] > 10_000_000
    row = text_of(viewer.get("/status/")).partition('id="row-main-sky"')[2].partition("</tr>")[0]
    assert re.search(r"\d %\s*<", row)
    assert re.search(r"\d [MG]B\s*<", row)


def test_an_ended_process_is_not_reported(healthy_station: None) -> None:
    ProcessUsageWriter().write_usage(broker.connection(), {"sky": 2**22 + 1})
    assert read_usages(["sky"]) == {}
