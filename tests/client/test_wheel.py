"""The client's wheel, installed beside httpx and pydantic alone."""

from __future__ import annotations

import subprocess
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from skycam_project.resources import RESOURCES
from tests.harness.project import PROJECT, build_wheel
from tests.harness.stations.station import Station

CLIENT = PROJECT / "client"
LISTED = sorted(RESOURCES.keys() - {"users"})
LIST_WINDOWS = """
import sys
from skycam_client import Client
with Client(sys.argv[1], sys.argv[2]) as client:
    added = client.maintenance_windows.add(subject="from the wheel", duration_s=60)
    print([window.subject for window in client.maintenance_windows.list() if window.id == added.id])
    client.maintenance_windows.remove(added.id)
    print([len([*client.rows(name).list()]) >= 0 for name in sys.argv[3].split()])
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"django", "core", "cameras", "captures", "monitoring"}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"), CLIENT)


@pytest.fixture(scope="module")
def python(wheel: Path) -> Path:
    """That of an environment with the wheel, and of the tests' own packages those that it says it needs."""
    folder = wheel.parent / "environment"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (metadata,) = packages.glob("skycam_client-*.dist-info")
    for one in needed(Distribution.at(metadata)):
        link_packages(one, packages)
    return folder / "bin" / "python"


def needed(package: Distribution) -> Iterator[Distribution]:
    """What it needs without any extra, and what that needs."""
    for text in package.requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found = distribution(requirement.name)
            yield found
            yield from needed(found)


def link_packages(package: Distribution, target: Path) -> None:
    own = {Path(str(file)).parts[0] for file in package.files or [] if not str(file).startswith("..")}
    for name in own:
        place = target / name
        if not place.exists():
            place.symlink_to(Path(sysconfig.get_path("purelib")) / name)


def test_the_wheel_works_with_what_it_says_it_needs(python: Path, plain_station: Station, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{plain_station.port}"
    command = [str(python), "-c", LIST_WINDOWS, url, plain_station.api.token, " ".join(LISTED)]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == ["['from the wheel']", str([True] * len(LISTED)), "[]"]


def test_the_wheel_needs_httpx_and_pydantic_alone_and_says_that_it_is_typed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
        assert "skycam_client/py.typed" in archive.namelist()
    wanted = [line.split()[1] for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert [Requirement(one).name for one in wanted] == ["httpx", "pydantic"]


def test_the_versions_of_station_and_client_are_one(wheel: Path) -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert wheel.name == f"skycam_client-{version}-py3-none-any.whl"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = spec_from_file_location("hatch_build", CLIENT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose client imports one module."""
    for name, text in {
        "client/skycam_client/__init__.py": "from core.notes import Note\n",
        "client/skycam_client/py.typed": "",
        "core/__init__.py": "",
        "core/notes.py": "from core.text import Line\n\n\ndef stored():\n    from django.db import models\n",
        "core/text.py": "Line = str\n",
        "core/unused.py": "import django\n",
        "skycam_project/__init__.py": "",
        "skycam_project/resources.py": "RESOURCES = {}\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_package_has_the_modules_that_are_imported_below_its_own_name(hook: ModuleType, project: Path) -> None:
    target = project / "built"
    hook.write_package(project / "client", target)
    models = target / "skycam_client/_models"
    assert (target / "skycam_client/__init__.py").read_text() == "from skycam_client._models.core.notes import Note\n"
    assert (models / "core/notes.py").read_text().startswith("from skycam_client._models.core.text import Line\n")
    assert not (models / "core/unused.py").exists()


@pytest.mark.parametrize("line", ["import django", "from rest_framework import views", "import numpy as np"])
def test_a_description_that_needs_more_than_pydantic_is_refused(hook: ModuleType, project: Path, line: str) -> None:
    (project / "core/text.py").write_text(f"{line}\n")
    with pytest.raises(hook.CannotBuild, match=r"core/text\.py, line 1, imports \w+, which the client's users"):
        hook.write_package(project / "client", project / "built")


def test_an_import_that_cannot_be_rewritten_is_refused(hook: ModuleType, project: Path) -> None:
    (project / "core/notes.py").write_text("import core.text\n")
    with pytest.raises(hook.CannotBuild, match="write `from PACKAGE import MODULE`"):
        hook.write_package(project / "client", project / "built")
