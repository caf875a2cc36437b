"""The all-sky scene of the simulated camera: light by Sun, Moon, clouds and site, and a sensor with noise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import ephem
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cameras.drivers.simulated.scenes import Image
from cameras.drivers.simulated.scenes.allsky import AllSkyScene, cloud_threshold
from cameras.drivers.simulated.scenes.base import ExposureSettings, Light, SceneSettings
from cameras.drivers.simulated.scenes.optics import (
    DETAIL,
    FULL_WELL,
    READ_NOISE,
    Clouds,
    Fisheye,
    Sensor,
    angle_between,
    srgb_table,
)
from cameras.drivers.simulated.scenes.skylight import SUNLIT_SKY, daylight, moonlight, sunlit_sky
from core.sky.bodies import Place
from tests.harness.runs.examples import examples

SIZE = (320, 240)
LENS = Fisheye(*SIZE)
# At 48° north, 11° east.
NOON = datetime(2026, 6, 21, 11, 20, tzinfo=UTC).timestamp()
SUNSET = datetime(2026, 9, 10, 17, 36, tzinfo=UTC).timestamp()
CIVIL, NAUTICAL, ASTRONOMICAL = SUNSET + 35 * 60, SUNSET + 71 * 60, SUNSET + 111 * 60
NEW_MOON = datetime(2026, 9, 10, 22, 30, tzinfo=UTC).timestamp()
FULL_MOON = datetime(2026, 9, 26, 21, 30, tzinfo=UTC).timestamp()
MORNING = datetime(2026, 5, 1, 9, 0, tzinfo=UTC).timestamp()
CLOUDY_DAY = datetime(2026, 5, 1, 8, 40, tzinfo=UTC).timestamp()
CLOUDY_NIGHT = datetime(2026, 9, 11, 0, 30, tzinfo=UTC).timestamp()
DAY = ExposureSettings(500, f_number=5.6)

altitudes = st.floats(-90, 90)
often = examples(60)


@pytest.fixture(scope="module")
def scene() -> AllSkyScene:
    return AllSkyScene(SceneSettings(*SIZE))


def picture(scene: AllSkyScene, unix_s: float, exposure: ExposureSettings = DAY) -> Image:
    return scene.render(0, exposure, round(unix_s * 1e9), 0.0)


def mean(scene: AllSkyScene, unix_s: float) -> float:
    return float(scene.luminance(unix_s).mean())


def share_of_full_scale(image: Image) -> NDArray[np.float64]:
    """The transfer that `sensor.py` documents, backwards."""
    value = image / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def clear_sky(altitude: float) -> Light:
    from_sun = angle_between(LENS.zenith_angle, LENS.azimuth, np.radians(90 - altitude), np.radians(250))
    return daylight(LENS, from_sun, Place(altitude, 250))[LENS.zenith_angle < np.pi / 2]


# The light of the sky


@often
@given(altitudes, altitudes)
def test_a_higher_sun_never_gives_a_darker_sky(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert sunlit_sky(low) <= sunlit_sky(high)


@often
@given(st.floats(-30, 89), st.floats(0.05, 1))
def test_a_higher_sun_gives_a_brighter_clear_sky_in_all(altitude: float, higher: float) -> None:
    assert clear_sky(altitude).mean() < clear_sky(altitude + higher).mean()


@often
@given(st.floats(-24, 89))
def test_the_light_has_no_steps(altitude: float) -> None:
    assert sunlit_sky(altitude + 0.01) / sunlit_sky(altitude) < 1.02


@pytest.mark.parametrize(("altitude", "luminance"), SUNLIT_SKY)
def test_the_curve_goes_through_the_published_luminances(altitude: float, luminance: float) -> None:
    assert sunlit_sky(altitude) == pytest.approx(luminance, rel=1e-6)


def test_the_full_moon_lights_the_sky_as_krisciunas_and_schaefer_compute_it() -> None:
    """Their B_moon in nanolamberts at 45° from the Moon, both at a zenith angle of 45°: f = 10^5.36 x 1.56 +
    10^5.025 = 463 000, I* = 10^(-0.4 x 3.84) = 0.0291, air mass 1.387, so 463 000 x 0.0291 x 0.803 x 0.197."""
    found = moonlight(np.full(1, np.pi / 4), np.full(1, np.pi / 4), 45.0, 1.0)
    assert found[0] / 3.183e-6 == pytest.approx(2135, rel=0.01)


def test_noon_is_a_million_times_as_bright_as_a_moonless_night(scene: AllSkyScene) -> None:
    assert mean(scene, NOON) / mean(scene, NEW_MOON) >= 1e6


def test_each_twilight_is_at_least_five_times_darker_than_the_one_before(scene: AllSkyScene) -> None:
    light = [mean(scene, unix_s) for unix_s in (NOON, SUNSET, CIVIL, NAUTICAL, ASTRONOMICAL)]
    assert np.all(np.array(light[:-1]) / light[1:] > 5)


def test_a_full_moon_brightens_the_night(scene: AllSkyScene) -> None:
    assert mean(scene, FULL_MOON) / mean(scene, NEW_MOON) > 10


def test_the_sun_is_south_and_high_at_noon_and_nothing_is_brighter(scene: AllSkyScene) -> None:
    light = scene.luminance(NOON)[..., 1]
    row, column = np.unravel_index(light.argmax(), light.shape)
    assert light.max() > 1e7
    assert column == pytest.approx(SIZE[0] / 2, abs=4)
    assert (row - SIZE[1] / 2) / LENS.radius * 90 == pytest.approx(90 - 65.4, abs=1.5)


def test_the_sky_glows_in_the_west_after_sunset(scene: AllSkyScene) -> None:
    light = scene.luminance(CIVIL)
    west, east = light[:, SIZE[0] // 2 :], light[:, : SIZE[0] // 2]
    assert west.mean() > 2 * east.mean()
    assert west[..., 0].max() > west[..., 2].max()


def test_there_is_no_light_outside_of_the_lens(scene: AllSkyScene) -> None:
    assert scene.luminance(NOON)[:20, :20].max() == 0.0
    assert picture(scene, NOON)[:20, :20].max() < 12


def test_stars_are_seen_at_night_alone(scene: AllSkyScene) -> None:
    assert stars(scene.luminance(NEW_MOON)) > 4
    assert stars(scene.luminance(SUNSET)) == 0


@pytest.mark.parametrize(("name", "hours"), [("Vega", -1), ("Vega", 0), ("Deneb", 0), ("Capella", 0)])
def test_a_bright_star_stands_where_the_ephemeris_has_it(scene: AllSkyScene, name: str, hours: int) -> None:
    site = ephem.Observer()
    site.lat, site.lon, site.pressure = "48", "11", 0
    site.date = datetime.fromtimestamp(NEW_MOON + 3600 * hours, UTC)
    star = ephem.star(name, site)
    x, y = LENS.pixels(np.array([np.pi / 2 - star.alt]), np.array([float(star.az)]))
    light = scene.luminance(NEW_MOON + 3600 * hours)[..., 1]
    around = light[int(y[0]) - 6 : int(y[0]) + 7, int(x[0]) - 6 : int(x[0]) + 7]
    assert np.hypot(*np.subtract(np.unravel_index(around.argmax(), around.shape), 6)) < 2.5
    assert around.max() > 2 * np.median(around)


def stars(light: Light) -> int:
    """Pixels around the zenith that are twice as bright as those three rows above and below."""
    middle = light[80:160, 120:200, 1]
    return int((middle[3:-3] > 2 * np.maximum(middle[6:], middle[:-6])).sum())


def test_clouds_are_brighter_than_the_sky_by_day(scene: AllSkyScene) -> None:
    covered, clear = under_clouds_and_clear(scene, CLOUDY_DAY)
    assert np.median(covered) > 1.2 * np.median(clear)


def test_clouds_hide_the_stars(scene: AllSkyScene) -> None:
    covered, clear = under_clouds_and_clear(scene, CLOUDY_NIGHT)
    assert covered.max() / np.median(covered) < 1.5
    assert clear.max() / np.median(clear) > 2


def under_clouds_and_clear(scene: AllSkyScene, unix_s: float) -> tuple[Light, Light]:
    """Pixels in the north, away from Sun and Moon and above the horizon."""
    opacity = Clouds(LENS).opacity(unix_s, cloud_threshold(unix_s)).repeat(DETAIL, 0).repeat(DETAIL, 1)
    zenith_angle, azimuth = (angle.repeat(DETAIL, 0).repeat(DETAIL, 1) for angle in (LENS.zenith_angle, LENS.azimuth))
    high = (zenith_angle < np.radians(60)) & (zenith_angle > np.radians(10)) & (np.cos(azimuth) > 0.2)
    light = scene.luminance(unix_s)[..., 1]
    return light[high & (opacity > 0.5)], light[high & (opacity == 0)]


def test_clouds_drift_and_the_sky_turns(scene: AllSkyScene) -> None:
    assert not np.allclose(scene.luminance(NOON), scene.luminance(NOON + 30), rtol=1e-3)
    assert not np.allclose(scene.luminance(NEW_MOON), scene.luminance(NEW_MOON + 30), rtol=1e-3)


def test_it_is_night_at_the_other_side_of_the_earth(scene: AllSkyScene) -> None:
    there = AllSkyScene(SceneSettings(*SIZE, latitude=-48.0, longitude=-169.0, elevation=500.0))
    assert mean(scene, NOON) / mean(there, NOON) >= 1e6


# The sensor


def test_twice_the_exposure_is_twice_the_light(scene: AllSkyScene) -> None:
    once, twice = (share_of_full_scale(picture(scene, MORNING, ExposureSettings(us))) for us in (30, 60))
    unsaturated = (twice < 0.9) & (once > 0.05)
    assert unsaturated.mean() > 0.2
    assert np.median(twice[unsaturated] / once[unsaturated]) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize(
    "same",
    [
        ExposureSettings(40, iso=200, f_number=2.8),
        ExposureSettings(40, gain=2.0, f_number=2.8),
        ExposureSettings(5, iso=400),
        ExposureSettings(2613, iso=100, f_number=16.0),
    ],
)
def test_gain_iso_and_aperture_count_like_the_exposure(scene: AllSkyScene, same: ExposureSettings) -> None:
    reference = share_of_full_scale(picture(scene, MORNING, ExposureSettings(20)))
    other = share_of_full_scale(picture(scene, MORNING, same))
    assert other.mean() == pytest.approx(reference.mean(), rel=0.01)


def test_a_long_exposure_by_day_saturates(scene: AllSkyScene) -> None:
    image = picture(scene, NOON, ExposureSettings(1_000_000))
    assert np.mean(image == 255) > 0.5


@pytest.mark.parametrize("electrons", [40.0, 150.0, 400.0])
def test_the_variance_of_the_noise_is_the_number_of_electrons(electrons: float) -> None:
    exposure = ExposureSettings(1_000_000, iso=3200)
    full_scale = FULL_WELL / 32
    found = share_of_full_scale(Sensor(480, 640).expose(uniform(electrons, exposure), exposure, 5)) * full_scale
    assert found.mean() == pytest.approx(electrons, rel=0.01)
    # The steps of 8 bits add some, less than a tenth.
    assert found.var() == pytest.approx(electrons + READ_NOISE**2, rel=0.1)


def uniform(electrons: float, exposure: ExposureSettings) -> Light:
    """A luminance that gives this number of electrons, by the formulas of ISO 12232."""
    lux_seconds = electrons / FULL_WELL * 10 / 0.18 / 100
    return np.full((480, 640, 3), lux_seconds / (0.65 / exposure.f_number**2 * exposure.seconds), np.float32)


def test_the_transfer_is_srgb() -> None:
    table = srgb_table()
    shares = np.arange(table.size) / (table.size - 1)
    assert np.all(np.diff(table.astype(int)) >= 0)
    assert table[round(0.18 * 65_535)] == 118
    assert share_of_full_scale(table) == pytest.approx(shares, abs=0.005)


def test_the_same_moment_gives_the_same_pixels_in_any_order(scene: AllSkyScene) -> None:
    first = picture(scene, NEW_MOON, ExposureSettings(10_000_000, iso=1600))
    picture(scene, NOON)
    again = picture(scene, NEW_MOON, ExposureSettings(10_000_000, iso=1600))
    other = picture(AllSkyScene(SceneSettings(*SIZE)), NEW_MOON, ExposureSettings(10_000_000, iso=1600))
    assert np.array_equal(first, again)
    assert np.array_equal(first, other)


def test_each_frame_has_noise_of_its_own(scene: AllSkyScene) -> None:
    exposure = ExposureSettings(10_000_000, iso=1600)
    one, other = (picture(scene, NEW_MOON + later, exposure)[80:160, 120:200].astype(float) for later in (0, 0.5))
    noise = [frame - np.median(frame) for frame in (one, other)]
    differences = (one - other).std()
    assert differences > 2
    assert noise[0].std() > 2


@pytest.mark.parametrize(("unix_s", "exposure"), [(NOON, (400, 100, 4.0)), (NEW_MOON, (25_000_000, 1600, 1.4))])
def test_usual_settings_expose_noon_and_a_moonless_night_well(
    scene: AllSkyScene, unix_s: float, exposure: tuple[Any, ...]
) -> None:
    exposure_us, iso, f_number = exposure
    image = picture(scene, unix_s, ExposureSettings(exposure_us, 1.0, iso, f_number))
    assert 0.33 < image[Fisheye(*SIZE).circle() > 0].mean() / 255 < 0.47
