"""A station that is backed up while a session runs, by its schedule and by hand, is restored on an empty folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.postgresql import empty_database, postgresql
from tests.harness.stations.command_line import SKYCAM
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import PATIENCE_S, eventually

PHRASE = {"SKYCAM_BACKUP__PASSPHRASE": "correct horse battery"}
EXPIRE_LEASE = "UPDATE cameras_camerahost SET leased_until = NULL"


def answer(station: Station, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [*SKYCAM, "--output", "json", *words], env=station.environment, cwd=station.data.parent, text=True,
        capture_output=True, timeout=PATIENCE_S * 2, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr or done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def stations(tmp_path: Path) -> Iterator[list[Station]]:
    """Those that a test starts; they end with it."""
    found: list[Station] = []
    yield found
    for station in found:
        station.ensure_stopped()


def started(stations: list[Station], data: Path, **variables: str) -> Station:
    stations.append(Station(data, **ANY_NUMBER_OF_KILLS, **PHRASE, **variables))
    return stations[-1]


def restored(station: Station, file: str) -> Station:
    station.data.parent.mkdir(exist_ok=True)
    station.finds_database = False
    answer(station, "restore", file)
    return station


def test_a_station_comes_back_from_its_backup_on_an_empty_folder(stations: list[Station], tmp_path: Path) -> None:
    old = started(stations, tmp_path / "data").up_with_camera()
    capture = old.cameras.saved_capture()
    session = old.cameras.start_session(cadence_s=0.3, count=1000)
    eventually(lambda: old.api.get(f"sessions/{session}/")["saved"] > 2, "it captures")
    made = answer(old, "backup", "make", "--media")
    assert [one["name"] for one in old.api.get("backups/")["results"]] == [made["name"]]
    [event] = old.api.get("events/?kind=backup.made")["results"]
    assert made["name"] in event["message"]
    saved = shutil.copy(old.data / "backups" / made["name"], tmp_path)
    old.stop()
    shutil.rmtree(old.data)
    new = restored(started(stations, tmp_path / "elsewhere" / "data"), saved)
    answer(new, "activate", "--yes")
    # As half a minute later: the lease of the lost machine has ended.
    new.database.execute(EXPIRE_LEASE)
    new.up().cameras.eventually_ready()
    assert new.api.get(f"captures/{capture['id']}/")["sha256"] == capture["sha256"]
    [file] = new.data.glob(f"images/captures/**/{capture['filename']}")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == capture["sha256"]
    assert new.cameras.saved_capture()["status"] == "saved"
    assert new.api.get(f"sessions/{session}/")["saved"] > 2


def open_alerts(station: Station) -> list[str]:
    """The messages of those of backups."""
    found = "SELECT message FROM monitoring_alert WHERE key = 'backup.failed:station' AND state <> 'resolved'"
    return [message for (message,) in station.database.rows(found)]


@pytest.mark.prove
def test_a_schedule_backs_up_and_a_failure_is_an_alert(stations: list[Station], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_text("a file where the folder should be")
    station = started(stations, tmp_path / "data", SKYCAM_BACKUP__EVERY="1 h", SKYCAM_BACKUP__FOLDER=str(disk)).up()
    job = station.api.post("backups/").body
    eventually(lambda: station.api.get(f"jobs/{job['id']}/")["state"] == "failed", "it fails")
    [message] = open_alerts(station)
    assert "The backup has failed. No backup was made" in message
    disk.unlink()
    again = station.api.post("backups/").body
    eventually(lambda: station.api.get(f"jobs/{again['id']}/")["state"] == "done", "it is made")
    assert len(station.api.get("backups/")["results"]) == 1
    assert open_alerts(station) == []


@pytest.mark.prove
def test_a_station_on_postgresql_comes_back_in_another_database(stations: list[Station], tmp_path: Path) -> None:
    with postgresql() as first, empty_database() as second:
        old = started(stations, tmp_path / "data", DATABASE_URL=first).up_with_camera()
        capture = old.cameras.saved_capture()
        made = answer(old, "backup", "make", "--media")
        saved = shutil.copy(old.data / "backups" / made["name"], tmp_path)
        old.stop()
        shutil.rmtree(old.data)
        new = restored(started(stations, tmp_path / "elsewhere" / "data", DATABASE_URL=second), saved)
        answer(new, "activate", "--yes")
        new.up().cameras.eventually_ready()
        assert new.api.get(f"captures/{capture['id']}/")["sha256"] == capture["sha256"]
        assert new.cameras.saved_capture()["status"] == "saved"
        new.stop()
