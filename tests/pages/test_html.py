"""Every page is valid HTML, as html-validate (npm) sees it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera, SettingsPreset
from tests.harness.project import PROJECT
from tests.harness.rows.clips import clip_of
from tests.harness.rows.pages import text_of

TESTS = PROJECT / "tests"
PROJECT = TESTS.parent
VALIDATE = PROJECT / "node_modules" / ".bin" / "html-validate"
ADDRESSES = {
    "dashboard": "/",
    "dashboard-now": "/dashboard/now/",
    "camera": "/cameras/sky/",
    "settings": "/cameras/sky/settings/",
    "start": "/cameras/sky/start/",
    "edit": "/cameras/sky/edit/",
    "remove": "/cameras/sky/remove/",
    "faults": "/cameras/sky/faults/",
    "audience": "/cameras/sky/audience/",
    "preset": "/cameras/sky/presets/Night/",
    "clips": "/clips/?day=2026-03-28&camera=sky",
    "missed": "/clips/?day=2026-03-28&camera=sky&missed=2026-03-28T12:30:00Z",
    "clip": "/clips/{clip}/",
    "delete-clip": "/clips/{clip}/delete/",
    "cameras": "/cameras/",
    "status": "/status/",
    "events": "/events/",
    "users": "/users/",
    "station-settings": "/settings/",
    "account": "/accounts/",
    "viewers": "/live/viewers/",
    "password": "/accounts/password/",
    "nowhere": "/nowhere/",
}


@pytest.fixture(scope="session")
def html_validate() -> Path:
    """The program in the version of the lock file, installed once into node_modules."""
    if not VALIDATE.exists():
        subprocess.run(
            ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=PROJECT, check=True
        )
    return VALIDATE


def test_every_page_is_valid_html(
    html_validate: Path, valkey: Any, manager: Any, anonymous: Any, camera: Camera, pictures: Any, tmp_path: Path
) -> None:
    from monitoring.services import raise_alert

    change_on_camera(camera)
    clip = clip_of(camera, pictures[0].files.get().root, simulated=True, interrupted=True, lost_frames=3)
    streams(camera)
    raise_alert("disk", "The disk is nearly full. See `skycam doctor`.", severity="error")
    for name, address in ADDRESSES.items():
        (tmp_path / f"{name}.html").write_text(text_of(manager.get(address.format(clip=clip.pk))))
    (tmp_path / "sign_in.html").write_text(text_of(anonymous.get("/accounts/login/")))
    assert validated(html_validate, tmp_path) == ("", "", 0)


def change_on_camera(camera: Camera) -> None:
    """A setting was changed on the camera itself; a preset of its kind differs too."""
    SettingsPreset.objects.create(kind=camera.kind, name="Night", settings={"gain": 4.0})
    camera.capabilities = {"settings": {"gain": {"choices": [2.0, 4.0]}, "exposure_us": {"choices": [1000]}}}
    camera.settings, camera.read_back = {"gain": 3.0, "exposure_us": 1000}, {"gain": 2.0}
    camera.differs = [{"name": "gain", "wished": 3.0, "has": 2.0}]
    camera.save()


def validated(html_validate: Path, folder: Path) -> tuple[str, str, int]:
    """The standard output, standard error and exit status of html-validate for the pages in a folder."""
    config = ["--config", TESTS / "htmlvalidate.json", "--formatter", "text"]
    command = [html_validate, *config, *sorted(folder.glob("*.html"))]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout, found.stderr, found.returncode


def streams(camera: Camera) -> None:
    camera.capabilities = {**camera.capabilities, "stream": True}
    camera.save()
