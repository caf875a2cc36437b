"""PixeLink cameras: the unmodified wrapper with our library in place of the SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cameras.drivers.base import CameraError, ExposureRequest, FrameData, SystemClock
from cameras.drivers.pixelink import PixelinkDriver
from tests.harness.far_ends.pixelink.build import (
    ADDRESSING,
    GAIN,
    HARDWARE,
    IN_USE,
    IO_ERROR,
    PIXEL_FORMAT,
    SERIAL,
    SHUTTER,
    TEMPERATURE,
    TIMED_OUT,
    Sdk,
)

MONO = "771001280"
Soon = Callable[[], float]


@pytest.fixture
def driver(pixelink_address: str, clock: SystemClock) -> Iterator[PixelinkDriver]:
    driver = PixelinkDriver(pixelink_address, clock)
    yield driver
    driver.close()


@pytest.fixture
def colour(driver: PixelinkDriver, soon: Soon) -> PixelinkDriver:
    driver.open(soon())
    return driver


@pytest.fixture
def mono(sdk: Sdk, driver: PixelinkDriver, soon: Soon) -> PixelinkDriver:
    sdk.plug(MONO, "mono")
    driver.address = MONO
    driver.open(soon())
    return driver


def picture(camera: PixelinkDriver, deadline: float) -> Any:
    frame = camera.expose(ExposureRequest(exposure_us=1000), deadline).frame
    assert frame is not None
    return frame.image


def columns(image: Any) -> Any:
    return np.broadcast_to(np.arange(image.shape[1]), image.shape[:2])


def rows(image: Any) -> Any:
    return np.broadcast_to(np.arange(image.shape[0])[:, None], image.shape[:2])


# Discovery and addresses


def test_the_cameras_that_are_attached_are_listed_and_left_alone(sdk: Sdk, pixelink_address: str) -> None:
    sdk.plug(MONO, "mono")
    assert PixelinkDriver.discover() == [
        {"address": SERIAL, "model": "PL-D722CU", "serial": SERIAL},
        {"address": MONO, "model": "PL-D722MU", "serial": MONO},
    ]
    assert not sdk.streams()


def test_discovery_lists_a_camera_in_use_without_its_model(colour: PixelinkDriver) -> None:
    assert colour.discover() == [{"address": SERIAL, "model": "", "serial": SERIAL, "held_by": "another program"}]


def test_discovery_does_not_stop_a_stream(colour: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    colour.frame(soon())
    colour.discover()
    assert sdk.streams()


def test_a_camera_is_found_by_its_serial_number_and_none_is_the_first(
    driver: PixelinkDriver, sdk: Sdk, soon: Soon
) -> None:
    sdk.plug(MONO, "mono")
    driver.address = MONO
    assert driver.open(soon()).model == "PL-D722MU"
    driver.address = ""
    assert driver.open(soon()).serial == SERIAL


def test_a_missing_camera_is_reported_with_the_attached_ones(driver: PixelinkDriver, soon: Soon) -> None:
    driver.address = "12"
    with pytest.raises(
        CameraError, match=f"No PixeLink camera has the serial number 12; attached are {SERIAL}"
    ) as error:
        driver.open(soon())
    assert error.value.reason == "camera_unreachable"


def test_no_camera_at_all_is_reported(driver: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    sdk.unplug()
    driver.address = ""
    with pytest.raises(CameraError, match=r"No PixeLink camera is attached\. Check its cable and its power\."):
        driver.open(soon())


@pytest.mark.parametrize(
    ("written", "address"), [(" 0771001279 ", "771001279"), ("", ""), ("4294967295", "4294967295")]
)
def test_an_address_is_a_serial_number(written: str, address: str) -> None:
    assert PixelinkDriver.check_address(written, []) == address


@pytest.mark.parametrize("written", ["0", "-1", "PL-D722", "4294967296", "1" * 40, "\u0663", "/dev/video0"])
def test_text_that_is_no_serial_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="its serial number"):
        PixelinkDriver.check_address(written, [])


# Pictures


def test_a_colour_picture_is_rgb_and_the_right_way_up(colour: PixelinkDriver, soon: Soon) -> None:
    image = picture(colour, soon())
    assert image.shape == (240, 320, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image[..., 1], rows(image))
    assert np.array_equal(image[..., 2], columns(image) % 256)


def test_a_colour_picture_has_16_bits_where_the_camera_has(colour: PixelinkDriver, soon: Soon) -> None:
    colour.apply({"pixel_format": "bayer16"}, soon())
    image = picture(colour, soon())
    assert image.shape == (240, 320, 3)
    assert image.dtype == np.uint16
    assert np.array_equal(image[..., 1], rows(image) * 257)


def test_a_mono_picture_is_what_the_camera_sent(mono: PixelinkDriver, soon: Soon) -> None:
    image = picture(mono, soon())
    assert image.shape == (240, 320)
    assert image.dtype == np.uint8
    assert mono.discover()[1]["serial"] == MONO
    assert np.array_equal(image, (image[0, 0] + columns(image) + 2 * rows(image)) % 256)


def test_a_mono_picture_of_16_bits_has_its_bytes_in_our_order(mono: PixelinkDriver, soon: Soon) -> None:
    mono.apply({"pixel_format": "mono16"}, soon())
    image = picture(mono, soon())
    assert image.shape == (240, 320)
    assert image.dtype == np.uint16
    assert np.array_equal(image & 0xFF, columns(image) % 256)
    assert np.array_equal(image >> 8, ((image[0, 0] >> 8) + columns(image) + 2 * rows(image)) % 256)


def test_a_region_of_interest_is_what_the_picture_has(colour: PixelinkDriver, soon: Soon) -> None:
    region = {"left": 16, "top": 8, "width": 160, "height": 80}
    actual = colour.apply(region, soon()).actual
    assert {name: actual[name] for name in region} == region
    assert picture(colour, soon()).shape == (80, 160, 3)
    assert colour.capabilities().width == 160
    assert colour.capabilities().height == 80


def test_a_still_takes_its_exposure_time_and_reports_the_temperature(colour: PixelinkDriver, soon: Soon) -> None:
    exposure = colour.expose(ExposureRequest(exposure_us=300_000, gain=2.5), soon())
    assert exposure.actual == {"exposure_us": 300_000, "gain": 2.5}
    assert exposure.ended_ns - exposure.started_ns == 300_000_000
    assert exposure.temperature_celsius == 31.5


def test_a_still_alone_stops_the_stream_that_it_needed(colour: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    picture(colour, soon())
    assert not sdk.streams()


def test_a_still_in_a_stream_has_its_own_exposure_and_the_stream_continues(
    colour: PixelinkDriver, sdk: Sdk, soon: Soon
) -> None:
    colour.frame(soon())
    exposure = colour.expose(ExposureRequest(exposure_us=1000, gain=5.0), soon())
    assert exposure.actual == {"exposure_us": 1000, "gain": 5.0}
    assert exposure.warnings == []
    assert sdk.streams()
    assert sdk.has(GAIN)[0] == 0.0


def test_a_long_still_in_a_stream_begins_at_once(colour: PixelinkDriver, clock: SystemClock, soon: Soon) -> None:
    colour.apply({"exposure_us": 600_000}, soon())
    colour.frame(soon())
    asked_ns = clock.wall_ns()
    exposure = colour.expose(ExposureRequest(), soon())
    assert exposure.started_ns >= asked_ns


def test_an_exposure_longer_than_the_allowed_time_does_not_begin(colour: PixelinkDriver, clock: SystemClock) -> None:
    with pytest.raises(CameraError, match="An exposure of 2 s does not fit") as error:
        colour.expose(ExposureRequest(exposure_us=2_000_000), clock.monotonic() + 1)
    assert error.value.reason == "too_slow"
    assert error.value.before_shutter is True


def test_a_setting_that_stops_the_stream_lets_it_continue_afterwards(colour: PixelinkDriver, soon: Soon) -> None:
    first = colour.frame(soon())
    assert colour.apply({"fps": 20.0, "pixel_format": "yuv422", "width": 80}, soon()).warnings == []
    second = colour.frame(soon())
    assert isinstance(first, FrameData)
    assert isinstance(second, FrameData)
    assert second.number == first.number + 1
    assert second.image.shape == (240, 80, 3)


# Rejected values


def test_a_value_out_of_range_keeps_the_cameras_own_with_a_warning(
    colour: PixelinkDriver, sdk: Sdk, soon: Soon
) -> None:
    applied = colour.apply({"exposure_us": 100_000_000}, soon())
    assert applied.actual["exposure_us"] == 3096
    assert " ".join(applied.warnings) == (
        "The camera keeps its exposure time of 3.096 ms (it takes 20 µs to 2 s; error 0x80000003); 100 s was requested."
    )


def test_a_value_that_the_camera_clamps_gives_a_warning(colour: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    sdk.clips()
    applied = colour.apply({"gain": 30.0}, soon())
    assert applied.actual["gain"] == 24.0
    assert sdk.has(GAIN)[0] == 24.0
    assert applied.warnings == ["The camera's nearest gain is 24; 30 was requested."]


def test_a_pixel_format_of_other_cameras_is_refused_with_those_it_has(colour: PixelinkDriver, soon: Soon) -> None:
    applied = colour.apply({"pixel_format": "mono16"}, soon())
    assert applied.actual["pixel_format"] == "bayer8"
    assert "(it takes bayer16, bayer8, yuv422; error 0x90000020); mono16 was requested." in applied.warnings[0]


def test_a_capture_with_a_value_out_of_range_uses_the_cameras_own(colour: PixelinkDriver, soon: Soon) -> None:
    exposure = colour.expose(ExposureRequest(exposure_us=100_000_000), soon())
    assert exposure.actual["exposure_us"] == 3096
    assert "100 s was requested." in exposure.warnings[0]


def test_a_dry_run_returns_the_settings_and_changes_nothing(colour: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    applied = colour.dry_run(ExposureRequest(exposure_us=5000, gain=99.0), soon())
    assert applied.actual == {"exposure_us": 5000, "gain": 0.0}
    assert "99 was requested." in applied.warnings[0]
    assert sdk.has(SHUTTER)[0] == pytest.approx(0.003096)


def test_a_camera_without_gain_or_thermometer_has_neither(sdk: Sdk, driver: PixelinkDriver, soon: Soon) -> None:
    sdk.lacks(GAIN, TEMPERATURE, ADDRESSING)
    driver.open(soon())
    assert "gain" not in driver.capabilities().settings
    assert driver.apply({"gain": 2.0}, soon()).warnings == ["The camera has no gain; 2 was requested."]
    assert driver.temperature() is None
    assert driver.expose(ExposureRequest(exposure_us=1000), soon()).actual["exposure_us"] == 1000


# Failures


def test_frames_that_time_out_are_tried_again(colour: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    sdk.fails("PxLGetNextFrame", TIMED_OUT, times=3)
    assert picture(colour, soon()).any()
    assert sdk.failed("PxLGetNextFrame")


def test_a_camera_that_sends_no_frame_is_an_error_after_four_tries(
    colour: PixelinkDriver, sdk: Sdk, soon: Soon
) -> None:
    sdk.fails("PxLGetNextFrame", TIMED_OUT, times=4)
    with pytest.raises(CameraError, match=r"sent no frame in several tries\. Check its cable") as error:
        picture(colour, soon())
    assert error.value.reason == "camera_unreachable"
    assert error.value.before_shutter is False
    assert sdk.failed("PxLGetNextFrame")


def test_frames_of_a_stream_that_time_out_are_counted_over_the_calls(
    colour: PixelinkDriver, sdk: Sdk, soon: Soon
) -> None:
    colour.frame(soon())
    sdk.fails("PxLGetNextFrame", TIMED_OUT)
    with pytest.raises(CameraError, match="sent no frame"):
        [colour.frame(soon()) for _ in range(10)]


@pytest.mark.parametrize("code", [0x80000002, 0x80000008, HARDWARE, IO_ERROR, TIMED_OUT, 0x90000010])
def test_a_camera_that_was_unplugged_is_reported_for_any_code(
    colour: PixelinkDriver, sdk: Sdk, soon: Soon, code: int
) -> None:
    sdk.unplug()
    sdk.fails("PxLGetFeature", code)
    with pytest.raises(CameraError, match=f"The PixeLink camera {SERIAL} is no longer attached") as error:
        picture(colour, soon())
    assert error.value.reason == "camera_unreachable"


def test_a_camera_that_is_unplugged_while_it_streams_is_not_waited_for(
    colour: PixelinkDriver, sdk: Sdk, soon: Soon
) -> None:
    colour.frame(soon())
    sdk.unplug()
    with pytest.raises(CameraError, match="is no longer attached"):
        colour.frame(soon())


def test_a_replugged_camera_is_opened_again_for_the_same_capture(colour: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    sdk.unplug()
    sdk.plug(SERIAL)
    with pytest.raises(CameraError, match="lost its connection") as error:
        picture(colour, soon())
    assert error.value.before_shutter
    colour.open(soon())
    assert picture(colour, soon()).any()


def test_an_unplugged_camera_is_noticed_by_reading_its_temperature(colour: PixelinkDriver, sdk: Sdk) -> None:
    assert colour.temperature() == 31.5
    sdk.unplug()
    with pytest.raises(CameraError, match="is no longer attached"):
        colour.temperature()


def test_a_camera_in_use_is_reported(driver: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    sdk.fails("PxLInitializeEx", IN_USE)
    with pytest.raises(CameraError, match="is in use by another program") as error:
        driver.open(soon())
    assert error.value.reason == "camera_held"


def test_a_camera_that_could_not_be_identified_is_not_left_in_use(driver: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    sdk.fails("PxLGetCameraInfoEx", HARDWARE, times=1)
    with pytest.raises(CameraError, match="lost its connection"):
        driver.open(soon())
    assert driver.open(soon()).model == "PL-D722CU"


def test_an_error_that_is_the_cameras_own_is_named(colour: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    sdk.fails("PxLSetFeature", 0x8000000C)
    with pytest.raises(CameraError, match=r"usbfs_memory_mb.*\(ApiOutOfMemoryError 0x8000000c\)") as error:
        colour.apply({"gain": 2.0}, soon())
    assert error.value.reason == "camera_error"


def test_a_damaged_frame_is_an_error_and_no_picture(colour: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    sdk.fails("PxLGetNextFrame", "torn", times=1)
    with pytest.raises(CameraError, match="damaged") as error:
        picture(colour, soon())
    assert error.value.reason == "incomplete"


def test_settings_of_a_failed_exposure_are_restored_when_the_camera_opens_again(
    colour: PixelinkDriver, sdk: Sdk, soon: Soon
) -> None:
    sdk.fails("PxLGetNextFrame", HARDWARE, times=1)
    with pytest.raises(CameraError):
        colour.expose(ExposureRequest(gain=9.0), soon())
    assert sdk.has(GAIN)[0] == 9.0
    colour.open(soon())
    assert sdk.has(GAIN)[0] == 0.0


@pytest.mark.parametrize("function", ["PxLUninitialize", "PxLSetStreamState"])
def test_closing_a_camera_never_fails(colour: PixelinkDriver, sdk: Sdk, soon: Soon, function: str) -> None:
    colour.frame(soon())
    sdk.fails(function, HARDWARE)
    colour.close()
    assert colour.capabilities().settings == {}


def test_a_pixel_format_that_is_not_ours_is_kept_and_shown(sdk: Sdk, mono: PixelinkDriver, soon: Soon) -> None:
    assert sdk.has(PIXEL_FORMAT, MONO)[0] == 0
    assert mono.capabilities().settings["pixel_format"].choices == ["mono16", "mono8"]
