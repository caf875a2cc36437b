"""Discovery of USB cameras, and the messages for a camera that another program holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cameras.drivers.base import CameraError, SystemClock
from tests.harness.far_ends.v4l2.host import FarDriver, connected
from tests.harness.far_ends.v4l2.usb_camera import ADDRESS, UsbCamera

Soon = Callable[[], float]
HOLD = "import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@pytest.fixture
def driver(usb_camera: UsbCamera, clock: SystemClock) -> Iterator[FarDriver]:
    driver = FarDriver(ADDRESS, clock)
    yield driver
    driver.close()


@pytest.fixture
def cheese(usb_camera: UsbCamera) -> Iterator[int]:
    """The pid of another program that streams from the camera."""
    command = ["cheese", "-c", HOLD, str(usb_camera.node)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, executable=sys.executable, **pipes) as program:
        program.stdout.readline()
        usb_camera.begin("busy")
        yield program.pid


def detected(camera: UsbCamera, *held: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = connected(camera.port).discoverer().discover(held)
    return [one for one in found if one["address"] == ADDRESS]


def refusal(driver: FarDriver, deadline: float) -> CameraError:
    with pytest.raises(CameraError) as error:
        driver.open(deadline)
    return error.value


def test_a_camera_that_is_attached_is_found(usb_camera: UsbCamera) -> None:
    assert detected(usb_camera) == [{"address": ADDRESS, "model": "Fake camera", "serial": ""}]


def test_the_other_device_of_a_camera_is_not_listed(usb_camera: UsbCamera) -> None:
    usb_camera.begin("other")
    assert detected(usb_camera) == []


def test_the_other_device_of_a_camera_is_an_error(usb_camera: UsbCamera, driver: FarDriver, soon: Soon) -> None:
    usb_camera.begin("other")
    error = refusal(driver, soon())
    assert error.permanent
    assert str(error).startswith(f"{ADDRESS} gives no pictures: it is another device of the same camera.")


def test_discovery_names_the_holder_of_a_camera(usb_camera: UsbCamera, cheese: int) -> None:
    assert [one["held_by"] for one in detected(usb_camera)] == [f"cheese (pid {cheese})"]


def test_a_camera_that_skycam_has_open_is_listed_and_not_opened(usb_camera: UsbCamera, cheese: int) -> None:
    assert detected(usb_camera, ADDRESS) == [{"address": ADDRESS, "model": "", "serial": ""}]


def test_a_camera_that_another_program_holds_says_which_to_stop(driver: FarDriver, cheese: int, soon: Soon) -> None:
    error = refusal(driver, soon())
    assert error.reason == "camera_held"
    assert str(error) == f"{ADDRESS} is held by cheese (pid {cheese}; stop it with `kill {cheese}`)."


def test_a_camera_with_a_hidden_holder_says_how_to_find_it(
    usb_camera: UsbCamera, driver: FarDriver, soon: Soon
) -> None:
    usb_camera.begin("busy")
    error = refusal(driver, soon())
    assert error.reason == "camera_held"
    assert str(error) == f"{ADDRESS} is held by another program. Close it; `sudo fuser -v {ADDRESS}` names it."
    assert [one["held_by"] for one in detected(usb_camera)] == ["another program"]
