"""A format that a camera does not have gives a warning, like a setting that it does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from cameras.drivers.gphoto2 import Gphoto2Driver
from cameras.drivers.network import NetworkDriver
from cameras.drivers.opencv import OpencvDriver
from cameras.drivers.pixelink import PixelinkDriver
from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.runtime.device import Device
from tests.harness.camera_processes.camera_loop import CameraLoopBench, make_device
from tests.harness.clocks.camera_clock import SetClock


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """An open device whose camera delivers frames."""
    clock = SetClock()
    bench = CameraLoopBench(tmp_path, clock)
    device = make_device(bench.spec, clock, bench.camera, bench.link)
    assert device.ensure_open()
    return device


@pytest.mark.parametrize("name", ["tiff", "png", "raw", "RAW+JPEG"])
def test_another_format_than_jpeg_gives_a_warning(name: str, device: Device) -> None:
    warnings = [f"The pictures of this camera are saved as JPEG; {name} was requested."]
    assert device.exposures.expose({"format": name}, 5.0).warnings == warnings
    assert device.settings.rehearse({"format": name})["warnings"] == warnings


@pytest.mark.parametrize("requested", [{}, {"format": "jpeg"}, {"format": "JPG"}])
def test_jpeg_gives_no_warning(requested: dict[str, str], device: Device) -> None:
    assert device.exposures.expose(requested, 5.0).warnings == []


def test_only_a_dslr_has_the_setting_and_warns_itself() -> None:
    drivers = [Gphoto2Driver, NetworkDriver, OpencvDriver, PixelinkDriver, SimulatedDriver]
    assert ["format" in driver.settings_model.model_fields for driver in drivers] == [True, False, False, False, False]
