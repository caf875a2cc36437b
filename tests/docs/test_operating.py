"""docs/station/running.md: its settings exist, and its backup can be restored."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.restored_copy import copied_from
from skycam_project.config.model import VARIABLES
from tests.harness.browsers.site import signed_in
from tests.harness.documents.pages import blocks, page, section
from tests.harness.project import PROJECT
from tests.harness.stations.command_line import run as skycam
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import PATIENCE_S

PAGE = "docs/station/running.md"
PAGES = [PAGE, "docs/station/several-hosts.md"]
EXPIRE_LEASE = "UPDATE cameras_camerahost SET leased_until = '2026-01-01 00:00:00'"
"""The other station ended long ago: a restored one waits half a minute for the name of one that just ended."""
PAUSED = "is a restored copy (of "


@pytest.mark.parametrize("path", PAGES)
def test_named_settings_exist(path: str) -> None:
    named = set(re.findall(r"\b(SKYCAM_[A-Z_]+|[A-Z]+_URL)\b", page(path)))
    assert {name for name in named if name not in VARIABLES and name != "SKYCAM_DATA"} == set()
    assert named


def test_make_install_creates_the_environment_and_starts_nothing() -> None:
    own = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    done = subprocess.run(["make", "-n", "-B", "install"], cwd=PROJECT, env=own, capture_output=True, text=True)
    assert done.stdout.split() == ["sh", "scripts/install", "run"]


NOT_BACKED_UP = {
    "alert-rules.json", "installation", "logs", "readings", "run", "sensors.json", "skycam.sqlite3-shm",
    "skycam.sqlite3-wal", "static",
}  # fmt: skip
"""Of the data folder: what a start makes again, such as the identity of the machine, which a copy must not have;
readings that are not stored yet, and the logs."""


@dataclass
class Backup:
    folder: Path
    data: set[str]
    """The names in the data folder that it was made of."""
    capture: dict[str, Any]


def run_block(script: str, data: Path, backup: Path) -> None:
    """Run a block of the page with other folders for data and backup."""
    here = script.replace("skycam-data", str(data)).replace("/mnt/backup", str(backup))
    subprocess.run(["sh", "-euc", here], cwd=PROJECT, check=True, timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Backup:
    """Of a station with a picture, the report of a night and a file that serves as a camera. Its disk is lost."""
    back_up, _ = blocks(PAGE, "sh")
    folder = tmp_path_factory.mktemp("backup")
    station = Station(folder / "data", **ANY_NUMBER_OF_KILLS)
    try:
        capture = station.up_with_camera().cameras.saved_capture()
        (station.data / "reports" / "2026").mkdir(parents=True)
        (station.data / "reports" / "2026" / "2026-11-22.html").write_text("a night")
        (station.data / "sources" / "moon.jpg").write_text("a picture")
        (folder / "copy").mkdir(mode=0o755)  # as a mounted disk
        [run_block(back_up, station.data, folder / "copy") for _ in range(2)]
        found = Backup(folder / "copy", set(os.listdir(station.data)), capture)
    finally:
        station.ensure_stopped()
    shutil.rmtree(station.data)
    return found


@pytest.fixture
def restored(backup: Backup, tmp_path: Path) -> Iterator[Station]:
    """The station of the backup at another place, before its first start."""
    _, restore = blocks(PAGE, "sh")
    station = Station(tmp_path / "elsewhere", **ANY_NUMBER_OF_KILLS)
    run_block(restore, station.data, backup.folder)
    station.finds_database = False
    station.database.execute(EXPIRE_LEASE)
    yield station
    station.ensure_stopped()


def readable_by_others(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o077)


def test_no_one_else_can_read_a_backup(backup: Backup) -> None:
    # What is below a private folder is private, too.
    assert not readable_by_others(backup.folder)
    files = [path for path in backup.folder.iterdir() if path.is_file()]
    assert [path.name for path in files if readable_by_others(path)] == []


def test_a_backup_has_everything_that_cannot_be_made_again(backup: Backup) -> None:
    assert backup.data - set(os.listdir(backup.folder)) <= NOT_BACKED_UP
    assert (backup.folder / "reports" / "2026" / "2026-11-22.html").read_text() == "a night"
    assert (backup.folder / "sources" / "moon.jpg").read_text() == "a picture"


def test_a_restored_copy_is_paused_and_says_so(restored: Station) -> None:
    restored.up()
    assert restored.parts().keys() == {"valkey", "web"}
    assert PAUSED in restored.output()
    cookies = signed_in(f"http://127.0.0.1:{restored.port}")
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    assert PAUSED in restored.api.request("GET", "/", Cookie=cookie).body
    assert PAUSED in restored.api.get("health/")["problems"]["parts"][0]
    commands = [skycam(restored.data, *words, **restored.environment) for words in (["doctor"], ["verify"])]
    assert [PAUSED in found.stdout + found.stderr for found in commands] == [True, True]


def test_a_part_of_a_restored_copy_does_not_start_alone(restored: Station) -> None:
    assert restored.start(only="jobs").status() == 1
    assert PAUSED in restored.output()


def test_an_activated_copy_has_the_pictures_and_users_and_goes_on(restored: Station, backup: Backup) -> None:
    assert skycam(restored.data, "activate", "--yes", **restored.environment).status == 0
    restored.up().cameras.eventually_ready()
    capture = backup.capture
    assert restored.api.get(f"captures/{capture['id']}/")["sha256"] == capture["sha256"]
    assert restored.cameras.saved_capture()["status"] == "saved"
    assert list(restored.data.glob(f"images/captures/**/{capture['filename']}"))
    assert restored.spools.inconsistencies() == []
    (event,) = restored.api.get("events/?kind=station.activated")["results"]
    assert event["data"]["copied_from"].startswith(os.uname().nodename)


def test_a_station_that_is_no_copy_cannot_be_activated(restored: Station) -> None:
    [first, second] = [skycam(restored.data, "activate", "--yes", **restored.environment) for _ in range(2)]
    assert (first.status, second.status) == (0, 2)
    assert "is not a restored copy" in second.stderr


def test_a_copy_is_not_activated_where_no_one_can_be_asked(restored: Station) -> None:
    found = skycam(restored.data, "activate", **restored.environment)
    assert found.status == 2
    assert copied_from(restored.data)


def test_the_page_has_a_section_for_each_task_on_a_headless_machine() -> None:
    for heading in ("Reach it from another computer", "Start it at boot", "Update it", "Back it up"):
        assert section(PAGE, heading).strip()
