"""`skycam doctor` on stations that lack something."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from cameras.models import Camera
from cameras.spool.storage import make_root
from captures.models import StorageRoot
from core.broker import broker
from skycam_project.cli.diagnostics import DATABASE, STATION, run_checks
from skycam_project.cli.diagnostics.database import root_finding
from skycam_project.cli.diagnostics.finding import Finding
from skycam_project.cli.station import Station
from tests.harness.rows.cameras import add_camera
from tests.harness.rows.offsite import destination
from tests.harness.stations.command_line import answer, run


def states(body: dict[str, Any], check: str) -> set[str]:
    return {found["state"] for found in body["checks"] if found["check"] == check}


def test_doctor_checks_a_station_that_was_never_started(tmp_path: Path) -> None:
    found = run(tmp_path / "none", "--output", "json", "doctor")
    body = json.loads(found.stdout)
    assert found.status == 1
    assert body["ok"] is False
    assert found.stderr == ""
    assert states(body, "configuration") == {"broken"}
    assert states(body, "libgphoto2") == {"ok"}


def test_missing_database_and_broker_are_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    found = run(tmp_path / "data", "--output", "json", "doctor")
    assert found.status == 1
    assert "has no database yet" in found.stdout
    assert "The broker does not answer" in found.stdout
    assert "Traceback" not in found.stdout + found.stderr


def test_an_invalid_database_file_is_broken(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "skycam.sqlite3").write_text("This is no database, despite its name." * 50)
    found = run(tmp_path / "data", "--output", "json", "doctor")
    assert states(json.loads(found.stdout), "database") == {"broken"}
    assert "Traceback" not in found.stderr


@pytest.mark.django_db
def test_a_prepared_database_is_ok() -> None:
    assert states(answer("doctor"), "database") == {"ok"}


def checked(name: str) -> list[Finding]:
    """What one check of doctor finds."""
    return run_checks({name: {**STATION, **DATABASE}[name]}, Station())


LOCK = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print(flush=True)
time.sleep(300)
"""


@pytest.fixture
def locking_program(transactional_db: None) -> Iterator[subprocess.Popen[bytes]]:
    """Another program that keeps the lock of the database's writer."""
    name = str(connection.settings_dict["NAME"])
    connection.close()
    with subprocess.Popen([sys.executable, "-c", LOCK, name], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        yield program
        program.kill()


def test_the_program_that_keeps_the_database_locked_is_named(
    locking_program: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skycam_project.sqlite_busy_timeout.BUSY_TIMEOUT_S", 0.2)
    (found,) = checked("database")
    assert found.state == "broken"
    assert "takes no writes: database is locked." in found.detail
    assert f"(pid {locking_program.pid})" in found.detail
    assert found.remedy == f"Stop it: kill {locking_program.pid}"


def report(valkey: Any, **values: Any) -> None:
    """The jobs part reports its retention."""
    run = {"task": "retention", "subject": "", "known_s": 90.0, "running_s": None, "idle_s": 1.0, "took_s": 0.1}
    runs = [{**run, "pause_s": 2.0, "error": "", "failed_s": None, **values}]
    valkey.set(broker.key("periodic", "main", "jobs"), json.dumps({"at": time.time(), "runs": runs}))


@pytest.mark.django_db
def test_periodic_work_that_fails_is_found_with_what_that_costs(valkey: Any) -> None:
    report(valkey, error="OSError", failed_s=1.0)
    [finding] = checked("periodic work")
    assert finding.state == "warning"
    assert finding.detail.startswith("retention: failing. main: its last run failed (OSError).")
    assert "The disk may fill up" in finding.remedy


@pytest.mark.django_db
def test_periodic_work_that_is_on_time_is_well(valkey: Any) -> None:
    report(valkey)
    assert [finding.detail for finding in checked("periodic work")] == ["1 task, none is late."]


@pytest.mark.django_db
def test_a_station_that_is_stopped_has_no_periodic_work(valkey: Any) -> None:
    assert checked("periodic work") == []


@pytest.mark.django_db
def test_what_no_off_site_copy_has_is_said() -> None:
    assert [found.detail for found in checked("copies")] == [
        "No files are copied off-site: there is no destination.",
        f"There is no backup of the database and the keys in {settings.STATION.data / 'backups'}.",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("place", "warnings"),
    [({}, ["Copies go to old nas over http://: everybody on the way can read them."]), ({"plain_http": True}, [])],
)
def test_a_destination_from_before_the_rule_that_lacks_tls_is_named(
    place: dict[str, bool], warnings: list[str]
) -> None:
    endpoint = {"endpoint": "http://192.168.1.20:9000", "bucket": "copies", "access_key": "AKIA"}
    destination("s3", endpoint | place, {"secret_key": "x"}, name="old nas")
    found = [one for one in checked("copies") if "http://" in one.detail]
    assert [one.detail for one in found] == warnings
    assert all("set 'old nas' --set plain_http=true" in one.remedy for one in found)


@pytest.mark.django_db
def test_a_station_without_a_storage_root_is_broken() -> None:
    assert [found.state for found in checked("storage")] == ["broken"]


@pytest.mark.django_db
def test_a_password_that_cannot_be_decrypted_is_broken() -> None:
    add_camera(slug="yard", kind="network", address="rtsp://viewer:sesame@10.0.0.9/live")
    assert [found.state for found in checked("passwords")] == ["ok"]
    Camera.objects.update(encrypted_address="of another key")
    assert [found.state for found in checked("passwords")] == ["broken"]


@pytest.mark.django_db
def test_a_root_without_its_marker_is_not_mounted(tmp_path: Path) -> None:
    root = StorageRoot.objects.create(host=settings.STATION.host, path=str(tmp_path))
    assert "not mounted" in root_finding(root, is_used=True).detail


@pytest.mark.django_db
def test_a_root_with_its_marker_is_not_broken(tmp_path: Path) -> None:
    root = StorageRoot.objects.create(host=settings.STATION.host, path=str(tmp_path))
    make_root(tmp_path, str(root.id))
    assert root_finding(root, is_used=True).state != "broken"
