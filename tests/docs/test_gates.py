"""docs/operating/gates.md: its example is a valid configuration, and its tables have all keys."""

from __future__ import annotations

from pathlib import Path

from cameras.supervision.configured_gates import configured_gates
from skycam_project.config import ConfigManager
from tests.harness.documents.pages import blocks

PAGE = "docs/operating/gates.md"


def test_the_example_is_valid(tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "yaml")
    (tmp_path / "skycam.yaml").write_text(example)
    config = ConfigManager(tmp_path / "skycam.yaml", environment={"WEATHER_TOKEN": "token"}, here=tmp_path).config
    assert [one.gate.name for one in configured_gates(config)] == ["rain", "roof", "wind", "housing", "disk", "clock"]
