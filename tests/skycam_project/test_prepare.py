"""The preparation of a host, which runs in its own process before the parts start."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from cameras.models import CameraHost
from cameras.supervision.host_identity import local_identity
from core import database_clock
from core.models import StationRecord
from core.stations.record import adopt_database, fingerprint, record_version
from core.versions import APPS, MIGRATIONS, PROTOCOL, SCHEMA
from skycam_project.config.database import keep_private, sqlite
from skycam_project.launch import prepare as module
from skycam_project.launch.prepare import PREPARATIONS, PreparationError, acquire_host_name, run_preparation
from tests.harness.postgresql import own_server
from tests.harness.stations.migrated_database import place_database

STDOUT = "1"


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A world-readable folder with a umask that creates world-readable files."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    before = os.umask(0o022)
    yield folder
    os.umask(before)


def prepare(data: Path, **variables: str) -> dict[str, object]:
    own = {"PATH": os.environ["PATH"], "SKYCAM_DATA": str(data), **variables}
    command = [sys.executable, "-m", "skycam_project.launch.prepare", STDOUT]
    done = subprocess.run(command, env=own, cwd=data, capture_output=True, check=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1])["first"])


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.glob("*.sqlite3*")}


def test_a_new_database_is_private(open_folder: Path) -> None:
    keep_private(sqlite(str(open_folder / "new.sqlite3")))
    assert modes(open_folder) == {"new.sqlite3": "0o600"}


def test_the_database_of_a_prepared_station_is_private(open_folder: Path) -> None:
    place_database(open_folder)
    assert modes(open_folder) == {"skycam.sqlite3": "0o644"}
    assert prepare(open_folder)["admin_created"]
    assert modes(open_folder) == {"skycam.sqlite3": "0o600"}


def test_a_database_elsewhere_is_private_too(open_folder: Path, tmp_path: Path) -> None:
    place_database(open_folder)
    (open_folder / "skycam.sqlite3").rename(tmp_path / "other.sqlite3")
    prepare(open_folder, DATABASE_URL=f"sqlite:///{tmp_path}/other.sqlite3")
    assert modes(tmp_path) == {"other.sqlite3": "0o600"}
    assert modes(open_folder) == {}


def test_a_readable_database_becomes_private_with_its_companion_files(open_folder: Path) -> None:
    file = open_folder / "old.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode=WAL; CREATE TABLE kept (id int);")
        assert set(modes(open_folder).values()) == {"0o644"}
        keep_private(sqlite(str(file)))
        assert modes(open_folder) == dict.fromkeys(["old.sqlite3", "old.sqlite3-wal", "old.sqlite3-shm"], "0o600")


@pytest.mark.parametrize("part", [part for part in PREPARATIONS if part])
def test_a_part_without_a_database_is_refused_and_creates_none(
    part: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(settings.DATABASES, "default", sqlite(str(tmp_path / "none.sqlite3")))
    refused = run_preparation(part)["refused"]
    assert str(refused).startswith(f"There is no database in {settings.STATION.data} yet.")
    assert not (tmp_path / "none.sqlite3").exists()


def lease_of_another_machine(left_s: float) -> None:
    until = timezone.now() + timedelta(seconds=left_s)
    CameraHost.objects.create(name=settings.STATION.host, machine="another", installation="another", leased_until=until)


@pytest.mark.django_db
def test_a_host_waits_for_the_lease_of_a_machine_that_has_ended() -> None:
    lease_of_another_machine(left_s=0.5)
    acquire_host_name()
    assert CameraHost.objects.get().installation != "another"


@pytest.mark.django_db
def test_a_host_with_the_name_of_a_running_machine_is_refused() -> None:
    lease_of_another_machine(left_s=3600)
    with pytest.raises(PreparationError, match="Give this one another name: SKYCAM_HOST"):
        acquire_host_name(timeout_s=0)
    assert CameraHost.objects.get().installation == "another"


def with_config(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update=changes))


def on_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a database that several machines share."""
    monkeypatch.setattr(database_clock, "is_shared", lambda: True)
    monkeypatch.setattr(module, "is_sqlite", lambda: False)


@pytest.fixture
def record() -> StationRecord:
    adopt_database()
    record_version("main")
    return StationRecord.objects.get()


def refusal(part: str = "web") -> str:
    return str(run_preparation(part).get("refused", ""))


@pytest.mark.django_db
def test_the_first_station_adopts_the_database(record: StationRecord) -> None:
    assert record.station == settings.STATION.station.id
    assert (record.schema, record.protocol, record.migrated_by) == (SCHEMA, PROTOCOL, "main")
    assert settings.STATION.address_secret not in record.secret_fingerprint
    assert refusal() == ""


@pytest.mark.django_db
@pytest.mark.parametrize("part", list(PREPARATIONS))
def test_every_part_of_another_station_is_refused(part: str, record: StationRecord) -> None:
    StationRecord.objects.update(station="5ca1ab1e")
    assert refusal(part).startswith("The database belongs to the station 5ca1ab1e, but this host would form another")
    assert "Set SKYCAM_STATION to that id" in refusal(part)


@pytest.mark.django_db
@pytest.mark.parametrize("part", list(PREPARATIONS))
def test_every_part_without_the_stations_secret_is_refused(
    part: str, record: StationRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_server(monkeypatch)
    with_config(monkeypatch, address_secret="x" * 48)
    assert "Set it to the text of `address-secret` in the data folder of the main machine" in refusal(part)


@pytest.mark.django_db
def test_the_one_machine_of_a_station_may_lose_its_secret(
    record: StationRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_config(monkeypatch, address_secret="x" * 48)
    assert refusal() == ""
    assert StationRecord.objects.get().secret_fingerprint == fingerprint() != record.secret_fingerprint


@pytest.mark.django_db
def test_a_new_machine_does_not_take_the_database_of_the_version_before_for_its_own() -> None:
    CameraHost.objects.create(name="dome")
    assert "belongs to a station with the hosts dome" in refusal()


@pytest.mark.django_db
def test_a_machine_that_the_database_of_the_version_before_knows_goes_on() -> None:
    CameraHost.objects.create(name="dome")
    CameraHost.objects.create(name=settings.STATION.host)
    assert refusal() == ""


@pytest.mark.django_db
def test_a_machine_that_is_two_versions_behind_is_refused(record: StationRecord) -> None:
    StationRecord.objects.update(schema=SCHEMA + 2)
    assert "runs a version of Skycam that is too old for this station" in refusal("worker")


@pytest.fixture
def newer_database(record: StationRecord) -> StationRecord:
    """Another machine was updated to the next version."""
    MigrationRecorder.Migration.objects.create(app="captures", name="9999_of_the_next_version")
    StationRecord.objects.update(schema=SCHEMA + 1)
    return record


@pytest.mark.django_db
@pytest.mark.usefixtures("newer_database")
@pytest.mark.parametrize("part", list(PREPARATIONS))
def test_a_downgrade_on_one_machine_is_refused(part: str) -> None:
    expected = "migrated by a newer version of Skycam (captures.9999_of_the_next_version is not known here)"
    assert expected in refusal(part)


@pytest.mark.django_db
@pytest.mark.usefixtures("newer_database")
def test_a_machine_that_waits_for_its_update_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_server(monkeypatch)
    assert "refused" not in run_preparation("web")


@pytest.mark.django_db
@pytest.mark.usefixtures("newer_database")
def test_a_downgrade_of_the_machine_that_was_updated_first_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_server(monkeypatch)
    StationRecord.objects.update(migrated_by=local_identity().installation)
    assert "A downgrade is not possible" in refusal("web")


@pytest.mark.django_db
@pytest.mark.usefixtures("newer_database")
def test_a_downgrade_of_a_camera_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_server(monkeypatch)
    CameraHost.objects.create(name="dome", installation=local_identity().installation, schema=SCHEMA + 1)
    assert "A downgrade is not possible" in refusal("worker")


def test_whoever_adds_a_migration_thinks_of_the_schemas_number() -> None:
    folders = [apps.get_app_config(app).path for app in APPS]
    found = sum(len(list(Path(folder, "migrations").glob("[0-9]*.py"))) for folder in folders)
    assert found == MIGRATIONS, "Raise SCHEMA in core/versions.py if its number was released, then write the count."


def test_two_whole_stations_that_start_together_on_an_empty_database_both_come_up(tmp_path: Path) -> None:
    with own_server() as address:
        shared = {"DATABASE_URL": address, "SKYCAM_STATION": "5ca1ab1e", "SKYCAM_ADDRESS_SECRET": "x" * 48}
        folders = [tmp_path / name for name in ("main", "dome")]
        processes = [begin(folder, SKYCAM_HOST=folder.name, **shared) for folder in folders]
        found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
    assert sorted(one["first"]["admin_created"] for one in found) == [False, True]


def begin(data: Path, **variables: str) -> subprocess.Popen[str]:
    data.mkdir()
    command = [sys.executable, "-m", "skycam_project.launch.prepare", STDOUT]
    environment = {"PATH": os.environ["PATH"], "SKYCAM_DATA": str(data), **variables}
    return subprocess.Popen(command, env=environment, cwd=data, stdout=subprocess.PIPE, text=True)
