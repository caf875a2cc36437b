"""The scenes of the simulated camera, at any size and exposure."""

from __future__ import annotations

import numpy as np
import pytest

from cameras.drivers.base import SystemClock
from cameras.drivers.simulated.codec import read_frame_number
from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.drivers.simulated.scenes import SCENES, Image
from cameras.drivers.simulated.scenes.base import ExposureSettings, SceneSettings, around, smooth_noise
from cameras.drivers.simulated.scenes.stars import horizontal, sidereal_angle
from tests.harness.waiting import PATIENCE_S

PICTURES = ["sky", "microscope", "bench"]
NIGHT_NS = 1_795_230_000_000_000_000
LONG_US = {"allsky": 100_000_000}
"""Exposures of scenes without automatic brightness, at NIGHT_NS."""
SIZES = [(320, 240), (640, 512), (1280, 720)]


def picture(scene: str, exposure_us: int = 10_000, seconds: float = 3.0, size: tuple[int, int] = (640, 512)) -> Image:
    made = SCENES[scene](SceneSettings(*size))
    return made.render(7, ExposureSettings(exposure_us), NIGHT_NS + round(seconds * 1e9), seconds)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("size", SIZES)
def test_a_scene_fills_a_picture_of_any_size(scene: str, size: tuple[int, int]) -> None:
    image = picture(scene, LONG_US.get(scene, 10_000), size=size)
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous is True
    assert image.std() > 10


@pytest.mark.parametrize("scene", PICTURES)
@pytest.mark.parametrize("exposure_us", [20, 10_000, 8_000_000, 600_000_000])
def test_a_scene_is_neither_black_nor_blown_out_at_any_exposure(scene: str, exposure_us: int) -> None:
    image = picture(scene, exposure_us)
    assert np.percentile(image, 99) > 40
    assert np.mean(image > 250) < 0.05


@pytest.mark.parametrize("scene", PICTURES)
def test_a_longer_exposure_is_brighter(scene: str) -> None:
    assert picture(scene, 8_000_000).mean() > picture(scene, 1000).mean() * 1.1


@pytest.mark.parametrize("scene", PICTURES)
def test_iso_and_aperture_count_like_the_exposure(scene: str) -> None:
    made = SCENES[scene](SceneSettings(640, 512))
    longer = made.render(0, ExposureSettings(98_000), NIGHT_NS, 3.0)
    same = made.render(0, ExposureSettings(100_000, iso=800, f_number=4.0), NIGHT_NS, 3.0)
    darker = made.render(0, ExposureSettings(100_000, iso=100, f_number=16.0), NIGHT_NS, 3.0)
    assert same.mean() == pytest.approx(longer.mean(), abs=1)
    assert darker.mean() < 0.8 * longer.mean()


@pytest.mark.parametrize("scene", PICTURES)
def test_a_scene_moves(scene: str) -> None:
    assert np.mean(picture(scene, seconds=3.0) != picture(scene, seconds=33.0)) > 0.002


@pytest.mark.parametrize("scene", PICTURES)
def test_only_the_chart_carries_the_number_of_its_frame(scene: str) -> None:
    assert read_frame_number(picture(scene)) is None
    assert read_frame_number(picture("chart")) == 7


@pytest.mark.parametrize("scene", SCENES)
def test_each_frame_of_a_stream_is_a_picture_of_its_own_moment(scene: str) -> None:
    made, exposure = SCENES[scene](SceneSettings(320, 240)), ExposureSettings(LONG_US.get(scene, 10_000))
    moments = [number / 15 for number in range(30)]
    frames = [
        made.render_streamed(number, exposure, NIGHT_NS + round(at * 1e9), at) for number, at in enumerate(moments)
    ]
    # Above the caption, which has the time.
    assert len({frame[: -240 // 8].tobytes() for frame in frames}) == 30


@pytest.mark.parametrize("scene", SCENES)
def test_the_same_moment_and_exposure_give_the_same_still(scene: str) -> None:
    made, exposure = SCENES[scene](SceneSettings(320, 240)), ExposureSettings(LONG_US.get(scene, 10_000))
    first, _, again = (made.render(7, exposure, NIGHT_NS + round(at * 1e9), at) for at in (3.0, 40.0, 3.0))
    assert np.array_equal(first, again)


def test_a_camera_begins_with_the_sky_and_changes_scenes_while_it_runs() -> None:
    clock = SystemClock()
    camera = SimulatedDriver("", clock)
    camera.open(clock.monotonic() + PATIENCE_S)
    began = camera.apply({}, clock.monotonic() + PATIENCE_S).actual["scene"]
    changed = camera.apply({"scene": "microscope"}, clock.monotonic() + PATIENCE_S).actual["scene"]
    frame = camera.frame(clock.monotonic() + PATIENCE_S)
    assert began == "sky"
    assert changed == "microscope"
    assert frame is not None
    assert frame.image.mean() > 100


def test_sirius_stands_where_it_was_at_a_known_time() -> None:
    """2026-01-01 00:00 UTC at longitude and latitude 0: altitude 73.2°, azimuth 182.2° within a degree: its hour angle
    is 6.70 h (sidereal time) less 6.752 h (right ascension), its declination -16.72°."""
    sidereal = sidereal_angle(1_767_225_600)
    zenith_angle, azimuth = horizontal(
        np.radians(np.array([6.752 * 15])), np.radians(np.array([-16.72])), sidereal, 0.0
    )
    assert np.degrees(sidereal) / 15 == pytest.approx(6.70, abs=0.02)
    assert 90 - np.degrees(zenith_angle[0]) == pytest.approx(73.2, abs=1.0)
    assert np.degrees(azimuth[0]) % 360 == pytest.approx(177.4, abs=1.0)


def test_a_surface_that_goes_around_has_no_seam() -> None:
    closed = around(smooth_noise(40, 500, 30, seed=1), 400)
    steps = np.abs(np.diff(closed, axis=1))
    assert closed.shape == (40, 400)
    assert np.abs(closed[:, 0] - closed[:, -1]).max() <= steps.max()
