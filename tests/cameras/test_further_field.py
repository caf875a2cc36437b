"""A further field of cameras is said once: five files and a migration bring it to all interfaces and to pictures."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from tests.harness.browsers.site import Site, signed_in
from tests.harness.documents.project_copy import Change, ProjectCopy
from tests.harness.stations.command_line import SKYCAM
from tests.harness.waiting import eventually

MOST_FILES = 5
FIELD = [
    Change(
        "diff", "cameras/resource.py",
        """+    jpeg_quality: int = field(95, title="JPEG quality", help="Quality of JPEG files.", ge=1, le=100)
     fits_compression: Compression = field(
""",
    ),
    Change(
        "diff", "cameras/resource.py",
        """-OF_FILES = ("keep", "fits_compression")
+OF_FILES = ("keep", "fits_compression", "jpeg_quality")
""",
    ),
    Change(
        "diff", "cameras/models.py",
        """+    jpeg_quality = models.PositiveSmallIntegerField(default=95)
     audience = models.ManyToManyField(
""",
    ),
    Change(
        "diff", "cameras/supervision/desired_state.py",
        """-        formats=StillFormats(keep=camera.keep, fits_compression=camera.fits_compression),
+        formats=StillFormats(
+            keep=camera.keep, fits_compression=camera.fits_compression, jpeg_quality=camera.jpeg_quality
+        ),
""",
    ),
    Change(
        "diff", "cameras/spool/records.py",
        """     keep: list[str]
     fits_compression: str
+    jpeg_quality: NotRequired[int]
""",
    ),
    Change(
        "diff", "captures/stills/writer.py",
        """-            jpeg_quality=plan["file"]["jpeg_quality"] if "file" in plan else JPEG_QUALITY,
+            jpeg_quality=plan.get("formats", DEFAULT_FORMATS).get("jpeg_quality", JPEG_QUALITY),
""",
    ),
]  # fmt: skip
"""A field that the camera's process reads."""
ADDED = {"slug": "dome", "kind": "simulated", "settings": {"scene": "microscope"}, "jpeg_quality": 5}


@pytest.fixture(scope="module")
def changed_project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """The project with one more field of cameras."""
    copy = ProjectCopy(tmp_path_factory.mktemp("field") / "project")
    for change in FIELD:
        copy.apply(change)
    done = copy.run("python", "manage.py", "makemigrations", "cameras")
    assert done.returncode == 0, done.stderr
    return copy


@pytest.fixture(scope="module")
def site(changed_project: ProjectCopy) -> Iterator[Site]:
    """A station of the changed project, with the camera `dome`."""
    site = Site(changed_project.folder.parent)
    site.station.python = str(changed_project.python)
    try:
        site.up()
        site.api.ask("POST", "cameras/", ADDED)
        site.station.cameras.eventually_ready("dome")
        yield site
    finally:
        site.station.ensure_stopped()


def skycam(project: ProjectCopy, site: Site, *words: str) -> str:
    command = [str(project.python), *SKYCAM[1:], *words]
    done = subprocess.run(
        command, env=site.station.environment, cwd=project.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_few_files_say_it() -> None:
    assert len({change.path for change in FIELD}) <= MOST_FILES


def test_the_api_has_it_within_its_limits(site: Site) -> None:
    refused = site.api.call("PATCH", "cameras/dome/", {"jpeg_quality": 101})
    assert refused.body["errors"] == [{"field": "jpeg_quality", "message": "must be at most 100."}]
    assert site.api.get("cameras/dome/")["jpeg_quality"] == 5


def test_a_command_sets_it(site: Site, changed_project: ProjectCopy) -> None:
    skycam(changed_project, site, "cameras", "set", "spare", "--jpeg-quality", "80")
    assert "jpeg_quality 80" in " ".join(skycam(changed_project, site, "cameras", "show", "spare").split())


def test_the_configuration_file_has_it(site: Site, changed_project: ProjectCopy) -> None:
    assert "jpeg_quality: 5" in skycam(changed_project, site, "config", "export")
    changed_project.run("python", "-m", "tests.harness.documents.reference")
    keys = (changed_project.folder / "docs" / "station" / "configuration.md").read_text()
    assert "| `jpeg_quality` | `95` | Quality of JPEG files. | a whole number from 1 to 100 |" in keys


def test_the_form_has_it(site: Site) -> None:
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in signed_in(site.url).items())
    with urlopen(Request(f"{site.url}/cameras/dome/edit/", headers={"Cookie": cookies})) as answer:
        page = answer.read().decode()
    assert "JPEG quality" in page
    assert re.search(r'<input[^>]* name="jpeg_quality"[^>]* value="5"', page)


def test_the_cameras_process_uses_it(site: Site) -> None:
    def size() -> int:
        [file] = site.station.cameras.saved_capture("dome")["files"]
        return int(file["bytes"])

    small = size()
    site.api.ask("PATCH", "cameras/dome/", {"jpeg_quality": 95})
    eventually(lambda: size() > 2 * small)
