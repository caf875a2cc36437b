"""Skycam installed from its wheel, without the clone: its pages, its static files, its migrations and its cameras."""

from __future__ import annotations

import re
import subprocess
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.browsers.site import signed_in
from tests.harness.project import PROJECT, build_wheel
from tests.harness.stations.http_client import HttpClient
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

SHIPPED = "skycam_project/shipped"
STYLESHEET = re.compile(r'href="(/static/[^"]+\.css\?v=[0-9a-f]+)"')


class InstalledStation(Station):
    """The station of an environment, started by its command in an empty folder."""

    def __init__(self, environment: Path, folder: Path) -> None:
        super().__init__(folder / "skycam-data")
        self.python = str(environment / "bin" / "python")
        self.finds_database = False
        del self.environment["SKYCAM_DATA"]

    def launcher_command(self, only: str) -> list[str]:
        return [str(Path(self.python).with_name("skycam")), "up"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel: Path) -> Path:
    """With the wheel, and the dependencies of the tests' own environment, which has them by the lock."""
    folder = wheel.parent / "environment"
    venv.create(folder, symlinks=True, with_pip=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(install, capture_output=True, check=True)
    # After pip, which would take the tests' own Skycam for an installed one. As a path it brings no clone with it.
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder


@pytest.fixture(scope="module")
def station(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = InstalledStation(environment, tmp_path_factory.mktemp("empty"))
    try:
        yield station.up_with_camera()
    finally:
        station.ensure_stopped()


def project_files(folder: str) -> set[str]:
    return {str(path.relative_to(PROJECT)) for path in (PROJECT / folder).rglob("*") if path.is_file()}


def test_the_wheel_has_all_templates_and_static_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith(f"{SHIPPED}/")}
    needed = set().union(*(project_files(folder) for folder in ("templates", "static", "config", "deploy/systemd")))
    needed |= {"deploy/grafana/dashboards/skycam.json"}
    assert {name.removeprefix(f"{SHIPPED}/") for name in names} == needed


def test_the_installed_packages_are_those_of_the_wheel(environment: Path, tmp_path: Path) -> None:
    show = "import captures, skycam_project; print(captures.__file__, skycam_project.__file__)"
    command = [str(environment / "bin" / "python"), "-c", show]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert [path for path in found if not path.startswith(str(environment))] == []


def test_an_installed_station_is_ready_and_answers_pages_and_static_files(station: Station) -> None:
    client = HttpClient(station.port)
    eventually(lambda: client.request("GET", "/readyz").status == 200, "ready")
    cookies = signed_in(f"http://127.0.0.1:{station.port}")
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    pages = [client.request("GET", path, Cookie=cookie) for path in ("/", "/cameras/simulated/", "/status/")]
    assert [page.status for page in pages] == [200, 200, 200]
    stylesheets = set(STYLESHEET.findall(pages[0].body))
    assert {client.request("GET", path).status for path in stylesheets} == {200}


def test_an_installed_skycam_writes_units_that_start_it(environment: Path, tmp_path: Path) -> None:
    """From the files of the wheel; the place of the tests is one that a service could not read."""
    show = (
        "import sys; from pathlib import Path; from skycam_project.systemd_service import UNIT, service_files; "
        "print(service_files(Path(sys.prefix), 'station')[UNIT])"
    )
    command = [str(environment / "bin" / "python"), "-c", show]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert f'ExecStart="{environment}/bin/skycam" "up"\n' in found


def test_an_installed_station_saves_captures(station: Station) -> None:
    assert station.cameras.saved_capture()["status"] == "saved"


def test_the_doctor_of_an_installed_station_finds_its_pages_complete(station: Station) -> None:
    command = [str(Path(station.python).with_name("skycam")), "doctor"]
    folder = station.data.parent
    found = subprocess.run(command, cwd=folder, env=station.environment, capture_output=True, text=True, check=False)
    assert re.search(r"pages +No problems", found.stdout), found.stdout
