from __future__ import annotations

from pathlib import Path

import skycam_project.config as package
from skycam_project.config.reference import table

DOCUMENT = Path(package.__file__).parents[2] / "docs" / "station" / "configuration.md"


def test_the_documented_keys_are_those_that_exist():
    assert f"\n{table()}\n" in DOCUMENT.read_text()
