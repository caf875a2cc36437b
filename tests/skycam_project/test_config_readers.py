"""Each key of the configuration is read somewhere, or marked as reserved."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skycam_project.config.model import KEYS, key_option
from skycam_project.resources import IN_FILE
from tests.harness.project import PROJECT
from tests.harness.stations.command_line import skycam

PACKAGES = ("skycam_project", "scheduler", "captures", "cameras", "monitoring", "core")
DEFINITIONS = {"sections.py", "live.py", "recording.py", "keys.py"}
NAMED = [key for key in KEYS if not key_option(key, "reserved") and key[0] not in IN_FILE]
"""Not the lists of described resources, which are read by their names in a table."""
RESERVED = sorted(".".join(key) for key in KEYS if key_option(key, "reserved"))
WHOLE = {"site", "quality_presets", "low", "medium", "high"}
"""Sections that are read as a whole."""


@pytest.fixture(scope="module")
def code() -> str:
    """The project's code; of the files that define keys, only the code of sections that reads their own keys."""
    files = [path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")]
    return "\n".join(own_keys(path.read_text()) if is_definition(path) else path.read_text() for path in files)


def is_definition(path: Path) -> bool:
    return path.parent.name == "config" and path.name in DEFINITIONS


def own_keys(text: str) -> str:
    return "\n".join(re.findall(r"return .*self\.\w+.*", text))


@pytest.mark.parametrize("key", NAMED, ids=".".join)
def test_a_key_is_read(key: tuple[str, ...], code: str) -> None:
    *sections, name = key
    read = WHOLE & set(sections) or re.search(rf"\.{name}\b", code)
    assert read
    assert all(re.search(rf"\.{section}\b", code) or section in WHOLE or f'"{section}"' in code for section in sections)


def test_a_reserved_key_has_a_single_value() -> None:
    assert RESERVED == ["service.image_format"]


@pytest.mark.django_db
def test_the_command_line_marks_what_is_reserved() -> None:
    lines = [line for line in skycam("config", "show").stdout.splitlines() if "reserved, no effect yet" in line]
    assert sorted(line.split()[0] for line in lines) == RESERVED
