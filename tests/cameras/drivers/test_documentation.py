"""docs/cameras/drivers.md names all settings."""

from __future__ import annotations

import pytest

from cameras.drivers.opencv.source import FORMATS
from cameras.drivers.simulated.settings import DEFAULTS
from tests.harness.project import PROJECT

PAGE = PROJECT / "docs" / "cameras" / "drivers.md"


@pytest.mark.parametrize("name", sorted({*DEFAULTS, *FORMATS} - {"temperature_swing_celsius", "temperature_period_s"}))
def test_the_page_names_every_setting_and_ending(name: str) -> None:
    assert name in PAGE.read_text()
