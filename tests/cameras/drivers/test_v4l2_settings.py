"""The settings of a USB camera as the kernel reports them, and how a requested value is applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from cameras.drivers.base import ExposureRequest, SettingRange, SystemClock
from cameras.drivers.opencv import v4l2_devices
from cameras.drivers.opencv.stream import Modes, Picture
from cameras.drivers.opencv.v4l2_devices import Control, Node, Rates, Span
from tests.harness.far_ends.v4l2.host import FarDriver, connected
from tests.harness.far_ends.v4l2.usb_camera import ADDRESS, UsbCamera

Soon = Callable[[], float]
BY_APERTURE = 3


@pytest.fixture
def equipped(usb_camera: UsbCamera) -> UsbCamera:
    """A camera with all optional controls."""
    usb_camera.begin("balance")
    usb_camera.begin("gain")
    _, jpeg = cv2.imencode(".jpg", np.full((1024, 1280, 3), 90, np.uint8))
    usb_camera.offer(jpeg.tobytes())
    return usb_camera


@pytest.fixture
def driver(usb_camera: UsbCamera, clock: SystemClock, soon: Soon) -> Iterator[FarDriver]:
    driver = FarDriver(ADDRESS, clock)
    driver.open(soon())
    yield driver
    driver.close()


def control(camera: UsbCamera, number: int) -> int | None:
    value: int | None = connected(camera.port).discoverer().control(number)
    return value


def test_settings_are_read_back_and_missing_ones_give_a_warning(driver: FarDriver, soon: Soon) -> None:
    applied = driver.apply({"exposure_us": 5000, "fps": 50, "width": 128, "height": 96, "gain": 2.0}, soon())
    frame = driver.frame(soon())
    assert applied.actual == {"exposure_us": 5000, "fps": 50.0, "width": 128, "height": 96}
    assert applied.warnings == ["This camera has no gain; 2 was requested."]
    assert frame is not None
    assert frame.image.shape == (96, 128, 3)


def test_the_ranges_are_those_of_the_camera(equipped: UsbCamera, driver: FarDriver) -> None:
    assert driver.capabilities().settings == {
        "width": SettingRange("px", choices=[64, 128, 1280]),
        "height": SettingRange("px", choices=[48, 96, 1024]),
        "fps": SettingRange("1/s", choices=[5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 50.0]),
        "exposure_us": SettingRange("µs", minimum=100, maximum=25_000, step=100),
        "gain": SettingRange("", minimum=0, maximum=64, step=4),
        "white_balance_k": SettingRange("K", minimum=2800, maximum=6500, step=100),
    }


@pytest.mark.parametrize(
    ("name", "requested", "has"),
    [
        ("exposure_us", 100_000, 25_000),
        ("exposure_us", 1, 100),
        ("gain", 999.0, 64),
        ("gain", 9.0, 8),
        ("white_balance_k", 5160, 5200),
        ("fps", 26.0, 20.0),
        ("width", 100, 128),
    ],
)
def test_the_nearest_value_is_kept_with_a_warning(
    equipped: UsbCamera, driver: FarDriver, soon: Soon, name: str, requested: float, has: float
) -> None:
    applied = driver.apply({name: requested}, soon())
    assert applied.actual[name] == has
    assert applied.warnings == [f"This camera has {name} {has:g}; {requested:g} was requested."]


def test_a_value_between_two_kernel_units_is_accepted(driver: FarDriver, soon: Soon) -> None:
    applied = driver.apply({"exposure_us": 5040}, soon())
    assert applied.actual["exposure_us"] == 5000
    assert applied.warnings == []


@pytest.mark.parametrize("fps", [7.5, 15.0])
def test_a_large_picture_comes_compressed_where_only_that_is_fast_enough(
    equipped: UsbCamera, driver: FarDriver, soon: Soon, fps: float
) -> None:
    applied = driver.apply({"width": 1280, "height": 1024, "fps": fps}, soon())
    frame = driver.frame(soon())
    assert applied.actual["fps"] == fps
    assert applied.warnings == []
    assert frame is not None
    assert frame.image.shape == (1024, 1280, 3)


def test_the_stream_continues_with_other_settings(driver: FarDriver, soon: Soon) -> None:
    before = driver.frame(soon())
    driver.apply({"width": 128, "height": 96}, soon())
    after = driver.frame(soon())
    assert before is not None
    assert after is not None
    assert after.number > before.number


def test_a_rate_that_the_camera_lacks_does_not_restart_the_stream_each_time(driver: FarDriver, soon: Soon) -> None:
    first = driver.apply({"fps": 26.0}, soon())
    frames = [driver.frame(soon())]
    second = driver.apply({"fps": 26.0}, soon())
    frames += [driver.frame(soon()) for _ in range(3)]
    assert first == second
    assert {int(step) % 256 for step in np.diff([frame.image[0, 0, 2] for frame in frames if frame])} == {1}


def test_a_white_balance_that_is_set_ends_the_cameras_own(equipped: UsbCamera, driver: FarDriver, soon: Soon) -> None:
    assert driver.apply({"white_balance_k": 5600}, soon()).actual["white_balance_k"] == 5600
    assert control(equipped, v4l2_devices.AUTO_WHITE_BALANCE) == 0


def test_a_still_with_its_own_exposure_shows_it_and_leaves_the_setting(driver: FarDriver, soon: Soon) -> None:
    driver.apply({"exposure_us": 5000}, soon())
    exposure = driver.expose(ExposureRequest(exposure_us=20_000), soon())
    assert exposure.actual["exposure_us"] == 20_000
    assert exposure.frame is not None
    assert exposure.frame.image[0, 0, 1] == 200
    assert driver.read_back(soon())["exposure_us"] == 5000


def test_a_still_with_its_own_exposure_restores_the_automatic_mode(
    driver: FarDriver, usb_camera: UsbCamera, soon: Soon
) -> None:
    driver.expose(ExposureRequest(exposure_us=20_000), soon())
    assert control(usb_camera, v4l2_devices.EXPOSURE_AUTO) == BY_APERTURE


@pytest.mark.parametrize(("requested", "has"), [(-5, 2), (2, 2), (5.9, 5), (6.6, 8), (11, 11), (99, 11)])
def test_a_control_has_its_nearest_step(requested: float, has: int) -> None:
    assert Control(1, 1, minimum=2, maximum=13, step=3, default=2, flags=0).nearest(requested) == has


class Stepwise(Node):
    """A device whose sizes and rates go by steps."""

    def __init__(self) -> None:
        pass

    def formats(self) -> list[str]:
        return ["H264", "YUYV"]

    def sizes(self, pixels: str) -> list[tuple[Span, Span]]:
        return [(Span(16, 1920, 8), Span(16, 1080, 2))]

    def rates(self, pixels: str, width: int, height: int) -> Rates:
        return Rates((1.0, 60.0), between=True)


def test_sizes_that_go_by_steps_are_a_range() -> None:
    ranges = Modes(Stepwise()).ranges()
    assert ranges["width"] == SettingRange("px", minimum=16, maximum=1920, step=8)
    assert ranges["fps"] == SettingRange("1/s", minimum=1.0, maximum=60.0)


@pytest.mark.parametrize(
    ("requested", "has"), [((101, 33), (104, 32)), ((9999, 9999), (1920, 1080)), ((1, 1), (16, 16))]
)
def test_sizes_that_go_by_steps_have_a_nearest(requested: tuple[int, int], has: tuple[int, int]) -> None:
    assert Modes(Stepwise()).nearest(*requested, fps=30) == Picture(*has, "YUYV")
