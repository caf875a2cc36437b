"""The driver in docs/cameras/drivers.md works."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cameras.drivers.base import CameraError, Driver, ExposureRequest
from cameras.drivers.opencv.addresses import FORMATS
from cameras.drivers.simulated.driver import DEFAULTS
from tests.harness.clocks.clock import SteppingClock
from tests.harness.project import PROJECT

PAGE = PROJECT / "docs" / "cameras" / "drivers.md"


@pytest.fixture
def dark() -> Driver:
    names: dict[str, Any] = {}
    exec("".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)), names)
    driver: Driver = names["DarkDriver"]("", SteppingClock())
    driver.open(driver.clock.monotonic() + 5)
    return driver


def test_the_documented_driver_applies_and_exposes(dark: Driver) -> None:
    applied = dark.apply({"exposure_us": 2000, "gain": 3}, dark.clock.monotonic() + 5)
    exposure = dark.expose(ExposureRequest(), dark.clock.monotonic() + 5)
    assert applied.actual == {"exposure_us": 2000}
    assert applied.warnings == ["The camera has no gain."]
    assert exposure.ended_ns - exposure.started_ns == 2_000_000


def test_the_documented_driver_respects_its_deadline(dark: Driver) -> None:
    with pytest.raises(CameraError, match="longer than allowed"):
        dark.expose(ExposureRequest(), dark.clock.monotonic() - 1)


@pytest.mark.parametrize("name", sorted({*DEFAULTS, *FORMATS} - {"temperature_swing_celsius", "temperature_period_s"}))
def test_the_page_names_every_setting_and_ending(name: str) -> None:
    assert name in PAGE.read_text()
