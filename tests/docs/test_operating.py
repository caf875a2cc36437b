"""docs/station/running.md: its units load, its settings exist, and its backup can be restored."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from skycam_project.config.model import VARIABLES
from tests.harness.documents.pages import blocks, page, section
from tests.harness.project import PROJECT
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station

PAGE = "docs/station/running.md"
PAGES = [PAGE, "docs/station/several-hosts.md"]
EXPIRE_LEASE = "UPDATE cameras_camerahost SET leased_until = '2026-01-01 00:00:00'"
"""The other station ended long ago: a restored one waits half a minute for the name of one that just ended."""
INSTALL = "systemd-analyze is missing. Install it: apt-get install -y --no-install-recommends systemd"


def unit(*words: str) -> str:
    command = ["sh", "deploy/systemd-unit", *words]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("words", "scope"), [((), "--user"), (("system", "root"), "--system")])
def test_systemd_accepts_the_unit(words: tuple[str, ...], scope: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze, INSTALL
    file = tmp_path / "skycam.service"
    file.write_text(unit(*words))
    runtime = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        [analyze, scope, "verify", str(file)], env=runtime, capture_output=True, text=True, timeout=60
    )
    assert [line for line in done.stderr.splitlines() if "skycam" in line] == []


def test_a_unit_starts_the_station_of_this_clone() -> None:
    text = unit()
    assert f'ExecStart="{PROJECT}/.venv/bin/skycam" up' in text
    assert f"WorkingDirectory={PROJECT}\n" in text
    assert "User=" not in text
    assert "User=ada" in unit("system", "ada")


def test_a_unit_for_the_machine_needs_a_user() -> None:
    done = subprocess.run(["sh", "deploy/systemd-unit", "system"], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Which user?" in done.stderr


@pytest.mark.parametrize("path", PAGES)
def test_named_settings_exist(path: str) -> None:
    named = set(re.findall(r"\b(SKYCAM_[A-Z_]+|[A-Z]+_URL)\b", page(path)))
    assert {name for name in named if name not in VARIABLES and name != "SKYCAM_DATA"} == set()
    assert named


def test_make_install_creates_what_a_unit_starts_and_starts_nothing() -> None:
    own = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    done = subprocess.run(["make", "-n", "-B", "install"], cwd=PROJECT, env=own, capture_output=True, text=True)
    assert done.stdout.split() == ["sh", "scripts/install", "run"]


@pytest.fixture
def original(tmp_path: Path) -> Iterator[Station]:
    """A station with a picture, whose disk is about to be lost."""
    station = Station(tmp_path / "data", **ANY_NUMBER_OF_KILLS).up()
    station.cameras.eventually_ready()
    yield station
    station.ensure_stopped()


def run(script: str, data: Path, backup: Path) -> None:
    """Run a block of the page with other folders for data and backup."""
    here = script.replace("skycam-data", str(data)).replace("/mnt/backup", str(backup))
    subprocess.run(["sh", "-euc", here], cwd=PROJECT, check=True, timeout=110)


def test_a_backup_is_restored_elsewhere_with_pictures_and_users(original: Station, tmp_path: Path) -> None:
    back_up, restore = blocks(PAGE, "sh")
    capture = original.cameras.saved_capture()
    [run(back_up, original.data, tmp_path / "backup") for _ in range(2)]
    original.ensure_stopped()
    shutil.rmtree(original.data)
    restored = Station(tmp_path / "elsewhere", **ANY_NUMBER_OF_KILLS)
    run(restore, restored.data, tmp_path / "backup")
    restored.database.execute(EXPIRE_LEASE)
    try:
        restored.up().cameras.eventually_ready()
        assert restored.api.get(f"captures/{capture['id']}/")["sha256"] == capture["sha256"]
        assert restored.cameras.saved_capture()["status"] == "saved"
        assert list(restored.data.glob(f"images/captures/**/{capture['filename']}"))
        assert restored.spools.inconsistencies() == []
    finally:
        restored.ensure_stopped()


def test_the_page_has_a_section_for_each_task_on_a_headless_machine() -> None:
    for heading in ("Reach it from another computer", "Start it at boot", "Update it", "Back it up"):
        assert section(PAGE, heading).strip()
