"""Every page is valid HTML, as html-validate (npm) sees it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from tests.pages.builders import text_of

TESTS = Path(__file__).parents[1]
VALIDATE = TESTS / "node_modules" / ".bin" / "html-validate"
ADDRESSES = {
    "dashboard": "/",
    "dashboard-now": "/dashboard/now/",
    "camera": "/cameras/sky/",
    "settings": "/cameras/sky/settings/",
    "start": "/cameras/sky/start/",
    "faults": "/cameras/sky/faults/",
    "cameras": "/cameras/",
    "status": "/status/",
    "events": "/events/",
    "users": "/users/",
    "account": "/accounts/",
    "password": "/accounts/password/",
    "nowhere": "/nowhere/",
}


@pytest.fixture(scope="session")
def html_validate() -> Path:
    """As the lock file says; fetched once into tests/node_modules."""
    if not VALIDATE.exists():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=TESTS, check=True)
    return VALIDATE


def test_every_page_is_valid_html(
    html_validate: Path, valkey: Any, manager: Any, anonymous: Any, camera: Camera, pictures: Any, tmp_path: Path
) -> None:
    from monitoring.services import raise_alert

    raise_alert("disk", "The disk is nearly full. See `skycam doctor`.", severity="error")
    for name, address in ADDRESSES.items():
        (tmp_path / f"{name}.html").write_text(text_of(manager.get(address)))
    (tmp_path / "door.html").write_text(text_of(anonymous.get("/accounts/login/")))
    assert validated(html_validate, tmp_path) == ("", "", 0)


def validated(html_validate: Path, folder: Path) -> tuple[str, str, int]:
    """What html-validate says of the pages in a folder, on both ways out, and its status."""
    config = ["--config", TESTS / "htmlvalidate.json", "--formatter", "text"]
    command = [html_validate, *config, *sorted(folder.glob("*.html"))]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout, found.stderr, found.returncode
