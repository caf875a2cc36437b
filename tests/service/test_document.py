"""docs/clients/pixelink-service.md: its commands run, and its tables match the program."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from captures.pixelink_service.bodies import Captured, Listed, ListedFile, Settings
from skycam_project.config.model import DOTENV_VARIABLES, VARIABLES
from tests.harness.documents.pages import blocks, page, section
from tests.harness.stations.pixelink_service import DOTENV
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S

PAGE = "docs/clients/pixelink-service.md"


@pytest.mark.parametrize("script", blocks(PAGE, "sh"), ids=["lines", "feed"])
def test_the_commands_of_a_block_succeed(station: Station, tmp_path: Path, script: str) -> None:
    own = re.sub(r"\bcurl\b", "curl --fail --show-error", script).replace(
        "localhost:8001", f"127.0.0.1:{station.service_port}"
    )
    done = subprocess.run(
        ["sh", "-ec", own], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_keys_of_the_answers_are_documented() -> None:
    documented = set(re.findall(r"`(\w+)`", section(PAGE, "Answers")))
    models = (Captured, Listed, ListedFile, Settings)
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert keys <= documented


def test_all_names_of_the_dotenv_are_documented() -> None:
    names = set(re.findall(r"^(\w+)=", DOTENV, re.MULTILINE))
    documented = set(re.findall(r"`([A-Z_]+)`", section(PAGE, "Configuration")))
    assert names <= documented
    assert documented - {"DEBUG"} <= set(VARIABLES) | set(DOTENV_VARIABLES)


def test_all_statuses_are_documented() -> None:
    assert set(re.findall(r"\b[45]\d\d\b", section(PAGE, "Errors"))) == {
        "400", "401", "403", "404", "405", "413", "415", "422", "503", "504", "507",
    }  # fmt: skip
    assert "never simulated" in page(PAGE)
