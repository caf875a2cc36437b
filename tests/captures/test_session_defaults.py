"""The defaults of a session are in the configuration's `camera` section."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SHOW = """
import django, json
django.setup()
from cameras.models import Camera
from captures.sessions.requests import SessionRequest
from captures.sessions.api import SeedStartBody
from captures.pages.camera.pages import StartForm
fields = SeedStartBody.model_json_schema()["properties"]
print(json.dumps({
    "programme": SessionRequest().programme(Camera()),
    "form": StartForm(Camera()).data,
    "schema": {name: fields[name]["default"] for name in ("exposure_us", "f_number")},
    "delay": fields["delay_s"]["description"],
}))
"""


@pytest.fixture
def defaults(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The defaults of a station with these environment variables."""

    def of(**variables: str) -> dict[str, Any]:
        own = {"SKYCAM_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "skycam_project.settings"}
        done = subprocess.run(
            [sys.executable, "-c", SHOW], env={"PATH": os.environ["PATH"], **own, **variables},
            capture_output=True, check=True,
        )  # fmt: skip
        return dict(json.loads(done.stdout))

    return of


def test_a_session_has_the_configured_exposure_delay_and_aperture(defaults: Any) -> None:
    found = defaults(
        SKYCAM_CAMERA__EXPOSURE_TIME="0.25", SKYCAM_CAMERA__DELAY="3.5", SKYCAM_CAMERA__F_NUMBER="2.8"
    )  # fmt: skip
    assert found["programme"] == {"exposure_us": 250_000, "delay_s": 3.5, "f_number": 2.8}
    assert found["form"] == {"exposure": "250 ms", "wait": "3.5 s", "from": "end", "f_number": "2.8"}
    assert found["schema"] == {"exposure_us": 250_000, "f_number": 2.8}
    assert "; 3.5 without" in found["delay"]


def test_without_a_configuration_a_session_has_the_seeds_defaults(defaults: Any) -> None:
    found = defaults()
    assert found["programme"] == {"exposure_us": 8_000_000, "delay_s": 12.0, "f_number": 1.4}
    assert found["form"] == {"exposure": "8 s", "wait": "12 s", "from": "end", "f_number": "1.4"}
