"""The simulated camera: its time, its light, and its frame numbers through the encoders."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from cameras.drivers.base import Aborted, CameraError, ExposureRequest, FrameData, SystemClock
from cameras.drivers.simulated.codec import read_frame_number
from cameras.drivers.simulated.driver import SimulatedDriver
from tests.harness.clocks.clock import SteppingClock
from tests.harness.waiting import PATIENCE_S


@pytest.fixture
def stepping() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def camera(stepping: SteppingClock) -> Iterator[SimulatedDriver]:
    driver = SimulatedDriver("", stepping)
    driver.open(stepping.monotonic() + 5)
    driver.apply({"scene": "chart", "width": 640, "height": 480, "shot_noise": False}, stepping.monotonic() + 5)
    yield driver
    driver.close()


def still(camera: SimulatedDriver, exposure_us: int | None = None, **settings: Any) -> FrameData:
    request = ExposureRequest(exposure_us=exposure_us, **settings)
    exposure = camera.expose(request, camera.clock.monotonic() + 1000)
    assert exposure.frame is not None
    return exposure.frame


def stream(camera: SimulatedDriver) -> FrameData:
    frame = camera.frame(camera.clock.monotonic() + 1000)
    assert frame is not None
    return frame


def sky(frame: FrameData) -> np.ndarray:
    """Each row's value beside the code and the text; the median ignores the few pixels of stars."""
    return np.median(frame.image[:, 360:].astype(float), axis=1)


def test_its_address_is_any_short_name() -> None:
    assert SimulatedDriver.check_address(" roof-2 ", []) == "roof-2"
    assert SimulatedDriver.check_address("", []) == ""


@pytest.mark.parametrize("address", ["Roof", "a b", "x" * 41, "../x", "file:x", "a\x00"])
def test_another_address_is_refused_with_a_sentence(address: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        SimulatedDriver.check_address(address, [])


def test_two_cameras_have_different_serial_numbers(stepping: SteppingClock) -> None:
    serials = [SimulatedDriver(name, stepping).open(stepping.monotonic() + 1).serial for name in ("", "roof")]
    assert serials == ["sim-0", "sim-roof"]


def test_an_exposure_takes_its_time(camera: SimulatedDriver) -> None:
    exposure = camera.expose(ExposureRequest(exposure_us=8_000_000), camera.clock.monotonic() + 10)
    assert (exposure.ended_ns - exposure.started_ns) / 1e9 == pytest.approx(8, abs=1e-3)
    assert exposure.actual == {"exposure_us": 8_000_000, "gain": 1.0, "iso": 100, "f_number": 1.4}


def test_an_exposure_that_does_not_fit_is_refused_before_the_shutter(camera: SimulatedDriver) -> None:
    with pytest.raises(CameraError, match="does not fit") as error:
        camera.expose(ExposureRequest(exposure_us=8_000_000), camera.clock.monotonic() + 7)
    assert error.value.reason == "too_slow"
    assert error.value.before_shutter is True


def test_an_interrupted_exposure_is_aborted(camera: SimulatedDriver, stepping: SteppingClock) -> None:
    stepping.interrupt_at = len(stepping.waits) + 3
    with pytest.raises(Aborted):
        still(camera, 8_000_000)


def test_abort_ends_a_running_exposure_from_another_thread() -> None:
    driver, ended = SimulatedDriver("", SystemClock()), threading.Event()
    driver.open(driver.clock.monotonic() + PATIENCE_S)

    def abort() -> None:
        while not ended.wait(0.05):  # time: repeated, as one may come before the exposure
            driver.abort()

    threading.Thread(target=abort).start()
    with pytest.raises(Aborted):
        driver.expose(ExposureRequest(exposure_us=600_000_000), driver.clock.monotonic() + 1000)
    ended.set()


def test_a_gain_beyond_the_range_becomes_the_nearest_with_a_warning(camera: SimulatedDriver) -> None:
    exposure = camera.expose(ExposureRequest(exposure_us=1000, gain=20), camera.clock.monotonic() + 10)
    assert exposure.actual["gain"] == 16
    assert exposure.warnings == ["The camera has at most gain 16; 20 was requested."]


@pytest.mark.parametrize(
    ("requested", "has", "warning"),
    [
        ({"iso": 160}, {"iso": 200}, "The camera's nearest ISO is 200; 160 was requested."),
        ({"iso": 1}, {"iso": 100}, "The camera's nearest ISO is 100; 1 was requested."),
        ({"f_number": 1.8}, {"f_number": 2.0}, "The camera's nearest f-number is 2; 1.8 was requested."),
        ({"f_number": 64.0}, {"f_number": 22.0}, "The camera's nearest f-number is 22; 64 was requested."),
    ],
)
def test_an_iso_or_aperture_that_it_lacks_becomes_the_nearest_in_stops_with_a_warning(
    camera: SimulatedDriver, requested: dict[str, Any], has: dict[str, Any], warning: str
) -> None:
    soon = camera.clock.monotonic() + 10
    exposure = camera.expose(ExposureRequest(exposure_us=1000, **requested), soon)
    tried = camera.dry_run(ExposureRequest(**requested), soon)
    applied = camera.apply(requested, soon)
    assert exposure.actual.items() >= has.items()
    assert tried.actual.items() >= has.items()
    assert applied.actual.items() >= has.items()
    assert exposure.warnings == tried.warnings == applied.warnings == [warning]


def test_every_iso_and_aperture_that_it_lists_is_used_without_a_warning(camera: SimulatedDriver) -> None:
    listed = camera.capabilities().settings
    pairs = product(listed["iso"].choices or [], listed["f_number"].choices or [])
    tried = [camera.dry_run(ExposureRequest(iso=iso, f_number=f_number), 0) for iso, f_number in pairs]
    assert len(tried) == 81
    assert [one.warnings for one in tried] == [[]] * 81


def test_twice_the_light_gives_twice_the_value(camera: SimulatedDriver) -> None:
    camera.apply({"sky_level": 1000.0, "contrast_decades": 0.0}, camera.clock.monotonic() + 5)
    once, longer, amplified = still(camera, 50_000), still(camera, 100_000), still(camera, 50_000, gain=2)
    assert sky(longer) == pytest.approx(2 * sky(once), abs=1)
    assert np.array_equal(sky(longer), sky(amplified))


def test_twice_the_iso_or_half_the_f_number_is_as_much_light_as_a_longer_exposure(camera: SimulatedDriver) -> None:
    camera.apply({"sky_level": 1000.0, "contrast_decades": 0.0}, camera.clock.monotonic() + 5)
    assert sky(still(camera, 40_000, iso=200)) == pytest.approx(sky(still(camera, 80_000)), abs=1)
    assert sky(still(camera, 80_000, f_number=2.0)) == pytest.approx(sky(still(camera, 39_200)), abs=1)
    assert sky(still(camera, 80_000, f_number=8.0, iso=1600)) == pytest.approx(sky(still(camera, 39_200)), abs=1)


def test_the_stream_uses_iso_and_aperture(camera: SimulatedDriver) -> None:
    camera.apply({"sky_level": 1000.0, "contrast_decades": 0.0, "exposure_us": 10_000}, camera.clock.monotonic() + 5)
    before = sky(stream(camera))
    camera.apply({"iso": 400, "f_number": 2.8}, camera.clock.monotonic() + 5)
    unchanged = sky(stream(camera))
    camera.apply({"f_number": 1.4}, camera.clock.monotonic() + 5)
    assert np.array_equal(unchanged, before)
    assert sky(stream(camera)) == pytest.approx(4 * before, abs=2)


def test_a_millisecond_is_visible_and_eight_seconds_are_not_all_white(camera: SimulatedDriver) -> None:
    short, long = sky(still(camera, 1000)), sky(still(camera, 8_000_000))
    assert short.max() > 100
    assert long.min() < 100


def test_longer_is_brighter_over_the_whole_range(camera: SimulatedDriver) -> None:
    means = [still(camera, exposure_us).image.mean() for exposure_us in (100, 1000, 10_000, 100_000, 10**6, 10**7)]
    assert np.all(np.diff(means) > 1)


def test_shot_noise_grows_with_the_root_of_the_light(camera: SimulatedDriver) -> None:
    camera.apply({"sky_level": 1000.0, "contrast_decades": 0.0, "shot_noise": True}, camera.clock.monotonic() + 5)
    green = still(camera, 100_000).image[:, 360:, 1].astype(float)
    deviation = 1.4826 * np.median(np.abs(green - 90))
    assert deviation == pytest.approx(90**0.5, rel=0.1)


def test_iso_amplifies_the_shot_noise_and_a_small_aperture_does_not(camera: SimulatedDriver) -> None:
    camera.apply({"sky_level": 1000.0, "contrast_decades": 0.0, "shot_noise": True}, camera.clock.monotonic() + 5)
    green = still(camera, 100_000, iso=400, f_number=2.8).image[:, 360:, 1].astype(float)
    deviation = 1.4826 * np.median(np.abs(green - 90))
    assert deviation == pytest.approx((90 * 4) ** 0.5, rel=0.1)


def test_stars_move(camera: SimulatedDriver) -> None:
    camera.apply({"sky_level": 0.0}, camera.clock.monotonic() + 5)
    first, second = still(camera, 1_000_000), still(camera, 1_000_000)
    assert first.image[160:].any()
    assert not np.array_equal(first.image[160:], second.image[160:])


def test_the_number_rises_by_one_with_every_frame_still_or_stream(camera: SimulatedDriver) -> None:
    frames = [still(camera, 1000), stream(camera), stream(camera), still(camera, 1000), stream(camera)]
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
    assert [read_frame_number(frame.image) for frame in frames] == [0, 1, 2, 3, 4]


def test_the_number_starts_again_with_each_opening(camera: SimulatedDriver) -> None:
    still(camera, 1000)
    camera.open(camera.clock.monotonic() + 5)
    assert still(camera, 1000).number == 0


def test_the_stream_does_not_drift(camera: SimulatedDriver, stepping: SteppingClock) -> None:
    camera.apply({"fps": 7.0}, stepping.monotonic() + 5)
    frames = [stream(camera) for _ in range(30)]
    assert frames[-1].monotonic - frames[0].monotonic == pytest.approx(29 / 7, abs=1e-9)


def test_a_slightly_late_reader_loses_nothing(camera: SimulatedDriver, stepping: SteppingClock) -> None:
    start = stream(camera).monotonic
    stepping.advance(1.5 / 15)
    times = [stream(camera).monotonic - start for _ in range(2)]
    assert times == pytest.approx([1.5 / 15, 2 / 15])


def test_a_late_reader_skips_forward_and_stays_in_step(camera: SimulatedDriver, stepping: SteppingClock) -> None:
    start = stream(camera).monotonic
    stepping.advance(10.01)
    frames = [stream(camera) for _ in range(2)]
    assert [frame.number for frame in frames] == [1, 2]
    assert frames[1].monotonic - start == pytest.approx(151 / 15)


def test_an_interrupted_wait_gives_no_frame_and_loses_none(camera: SimulatedDriver, stepping: SteppingClock) -> None:
    stream(camera)
    stepping.interrupt_at = len(stepping.waits)
    assert camera.frame(stepping.monotonic() + 10) is None
    assert stream(camera).number == 1


def test_the_sky_of_the_site_is_dark_where_it_is_night(camera: SimulatedDriver) -> None:
    """At the clock's 2027-01-15 08:00 UTC."""
    assert sky_at(camera, -48.0, 11.0, 900.0) > 100
    assert sky_at(camera, 20.0, -155.0, 4200.0) < 5


def test_without_a_site_the_camera_is_at_48_north_11_east(camera: SimulatedDriver) -> None:
    assert sky_at(camera, None, None, 0.0) == pytest.approx(sky_at(camera, 48.0, 11.0, 0.0), abs=0.1)


def sky_at(camera: SimulatedDriver, latitude: float | None, longitude: float | None, elevation: float) -> float:
    camera.set_site(latitude, longitude, elevation)
    camera.open(camera.clock.monotonic() + 5)
    camera.apply({"scene": "allsky", "width": 320, "height": 240, "exposure_us": 20_000}, camera.clock.monotonic() + 5)
    return float(still(camera).image.mean())


def test_a_site_that_is_removed_is_not_used_again(camera: SimulatedDriver) -> None:
    night = sky_at(camera, 20.0, -155.0, 4200.0)
    assert sky_at(camera, None, None, 0.0) > night + 20


def test_the_all_sky_scene_is_torn_and_unplugged_like_the_others(camera: SimulatedDriver) -> None:
    camera.apply({"scene": "allsky"}, camera.clock.monotonic() + 5)
    camera.set_faults({"torn_frame": 1}, lambda *_: None)
    assert np.all(still(camera).image[-40:] == 128)
    camera.set_faults({"disconnect": True}, lambda *_: None)
    with pytest.raises(CameraError, match="unplugged"):
        still(camera)


def test_its_temperature_swings_slowly(camera: SimulatedDriver, stepping: SteppingClock) -> None:
    camera.apply({"temperature_celsius": -10.0, "temperature_period_s": 400.0}, stepping.monotonic() + 5)
    at_opening = camera.temperature()
    stepping.advance(100)
    assert at_opening == (-10.0)
    assert camera.temperature() == pytest.approx(-8.0)


def test_two_settings_alike_keep_the_stream_in_step(camera: SimulatedDriver, stepping: SteppingClock) -> None:
    start = stream(camera).monotonic
    stepping.advance(0.01)
    camera.apply({"fps": 15.0, "gain": 2.0}, stepping.monotonic() + 5)
    assert stream(camera).monotonic - start == pytest.approx(1 / 15)


def test_pictures_that_stay_with_the_camera_are_referred_to(camera: SimulatedDriver, stepping: SteppingClock) -> None:
    camera.apply({"remote_files": True}, stepping.monotonic() + 5)
    exposures = [camera.expose(ExposureRequest(), stepping.monotonic() + 5) for _ in range(2)]
    assert [one.references[0].place for one in exposures] == ["sim-0:/data/00000000.fits", "sim-0:/data/00000001.fits"]
    assert [one.frame for one in exposures] == [None, None]


def dark(camera: SimulatedDriver, **settings: Any) -> np.ndarray:
    """The pixels of a frame with a closed shutter."""
    request = ExposureRequest(options={"shutter": False}, **settings)
    frame = camera.expose(request, camera.clock.monotonic() + 1000).frame
    assert frame is not None
    return frame.image.astype(float)


def test_a_closed_shutter_gives_the_bias_and_its_noise_and_no_scene(camera: SimulatedDriver) -> None:
    assert still(camera, exposure_us=1_000_000).image.max() == 255
    short, long = dark(camera, exposure_us=1000), dark(camera, exposure_us=1_000_000)
    assert short.shape == (480, 640, 3)
    assert [short.mean(), long.mean()] == pytest.approx([8.0, 8.0], abs=0.1)
    assert [short.std(), long.std()] == pytest.approx([1.5, 1.5], abs=0.1)
    assert np.mean(short != long) > 0.5


def test_the_noise_of_a_dark_frame_grows_with_the_gain(camera: SimulatedDriver) -> None:
    assert dark(camera, gain=2.0).std() == pytest.approx(3.0, abs=0.2)
