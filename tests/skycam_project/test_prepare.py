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
from django.conf import settings
from django.utils import timezone

from cameras.models import CameraHost
from skycam_project.config.database import keep_private, sqlite
from skycam_project.launch.prepare import PREPARATIONS, PreparationError, acquire_host_name, run_preparation
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
