"""An all-sky camera whose light is photometric: the Sun, the Moon, twilight, stars and clouds at the camera's site and
time, without automatic brightness. `skylight.py` has the luminances, `sensor.py` the exposure.

The mean inside of the lens's circle is 0.4 of full scale with 1 ms at ISO 100 and f/5.6 in the afternoon, 19 ms at
sunset and 2.3 s at the end of civil twilight, and with 2.9 s at ISO 1600 and f/1.4 at the end of nautical twilight and
28 s in a moonless night. docs/operating/rehearsing.md has the whole table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from cameras.drivers.simulated.scenes.base import (
    ExposureSettings,
    Image,
    Light,
    Moments,
    Scene,
    SceneSettings,
    darken,
    draw_caption,
)
from cameras.drivers.simulated.scenes.optics import DETAIL, Angle, Clouds, Fisheye, Sensor, angle_between
from cameras.drivers.simulated.scenes.skylight import (
    DARK_SKY,
    air_mass,
    daylight,
    moon_illuminance,
    moonlight,
    sun_illuminance,
    sunlit_sky,
)
from cameras.drivers.simulated.scenes.stars import MilkyWay, Stars, Values
from core.sky.bodies import Place, moon_phase, moon_place, sun_place

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT_S = 2.0
"""The luminance is computed once for each two seconds of the clock, the noise for each frame. A frame of a stream is
between two such moments."""
DAYLIGHT_ENDS, STARS_BEGIN = -24.0, -3.0
"""Altitudes of the Sun in degrees, beyond which they would not be seen."""
MILKY_WAY, TOWN, AIRGLOW = 3.5e-4, 1.6e-3, 1.0e-4
"""cd/m² where they are brightest."""
TOWN_AZIMUTH = 2.2
"""Radians from north through east."""
NIGHT_TINT, TOWN_TINT, AIRGLOW_TINT = (0.86, 0.97, 1.30), (1.50, 0.95, 0.50), (0.70, 1.25, 0.70)
MILKY_WAY_TINT, MOONLIGHT_TINT, GROUND_TINT = (1.04, 0.98, 1.04), (0.60, 0.95, 1.62), (0.85, 1.10, 0.60)
REDDENING = (0.0, 0.05, 0.14)
"""Of one air mass, as exponents."""
CLOUD_REFLECTS_BODIES, CLOUD_REFLECTS_SKY, GROUND_REFLECTS = 0.30, 0.8, 0.05
DIFFUSE = 3.0
"""The mean luminance of the sky, in parts of its darkest."""
GLARE, GLARE_CORE_DEG = 0.5, 0.8
"""Of the lens: cd/m² at 1° from a source of 1 lx; it falls with the square of the angle. Source of the form: Stiles and
Holladay, CIE 146."""
DISC_RADIUS = math.radians(0.265)
"""Of the Sun and the Moon."""
MAGNITUDE_0_LX = 2.54e-6
"""Illuminance of a star of magnitude 0."""


@dataclass(frozen=True)
class Body:
    """The Sun or the Moon."""

    place: Place
    light: Light
    """(3,): lux of red, green and blue through clear air, on a surface that faces it."""
    apart: Angle
    """Radians between it and each direction, at a quarter of the picture's size."""

    @property
    def lights_ground(self) -> Light:
        """(3,): cd/m² of white paper that lies on the ground."""
        return self.light * np.float32(max(math.sin(math.radians(self.place.altitude)), 0.02) / math.pi)


class AllSkyScene(Scene):
    def __init__(self, settings: SceneSettings) -> None:
        super().__init__(settings)
        self._site = (settings.latitude, settings.longitude, settings.elevation)
        latitude, longitude = math.radians(settings.latitude), math.radians(settings.longitude)
        self._lens = Fisheye(self.width, self.height)
        self._circle, self._open_sky = self._lens.circle(), self._lens.open_sky()
        self._clouds = Clouds(self._lens)
        self._milky_way = MilkyWay(self._lens, latitude, longitude)
        self._stars = Stars(self._lens, latitude, longitude, self._star_width, self._star_luminance)
        self._town = town_share(self._lens)
        self._night = night_sky(self._lens, self._town)
        self._sensor = Sensor(self.height, self.width)
        self._luminances = Moments(MOMENT_S, self.luminance)

    def render(self, number: int, exposure: ExposureSettings, wall_ns: int, seconds: float) -> Image:
        return self._exposed(self._luminances.last(wall_ns / 1e9), exposure, wall_ns)

    def render_streamed(self, number: int, exposure: ExposureSettings, wall_ns: int, seconds: float) -> Image:
        before, after, share = self._luminances.around(wall_ns / 1e9)
        between = np.asarray(cv2.addWeighted(before, 1 - share, after, share, 0), np.float32)
        return self._exposed(between, exposure, wall_ns)

    def _exposed(self, luminance: Light, exposure: ExposureSettings, wall_ns: int) -> Image:
        image = self._sensor.expose(luminance, exposure, seed=abs(wall_ns))
        draw_caption(image, wall_ns)
        return image

    def luminance(self, unix_s: float) -> Light:
        """(height, width, 3) cd/m² of red, green and blue; 0 outside of the lens's circle. On any thread."""
        at = EPOCH + timedelta(seconds=unix_s)
        sun, moon, phase = self._sun(at), self._moon(at), moon_phase(at)
        cloud = self._clouds.opacity(unix_s, cloud_threshold(unix_s))
        diffuse = self._diffuse_light(sun, moon, phase)
        glow = self._clear_sky(unix_s, sun, moon, phase) * (1 - cloud)[..., None]
        glow += self._lit_clouds(sun, moon, diffuse) * cloud[..., None]
        for body in (sun, moon):
            glow += self._glare(body, cloud)
        light = np.asarray(cv2.resize(glow, (self.width, self.height), interpolation=cv2.INTER_LINEAR), np.float32)
        if sun.place.altitude < STARS_BEGIN:
            self._stars.draw(light, unix_s, 1 - cloud)
        for body in (sun, moon):
            self._draw_disc(light, body, cloud)
        self._draw_ground(light, (diffuse + sun.lights_ground + moon.lights_ground) * GROUND_REFLECTS)
        return light

    def _sun(self, at: datetime) -> Body:
        place = sun_place(at, *self._site)
        return self._body(place, sun_illuminance(place.altitude))

    def _moon(self, at: datetime) -> Body:
        place = moon_place(at, *self._site)
        return self._body(place, moon_illuminance(place.altitude, moon_phase(at)))

    def _body(self, place: Place, lux: float) -> Body:
        colour = np.exp(-np.array(REDDENING) * (air_mass(place.altitude) - 1))
        zenith_angle, azimuth = math.radians(90 - place.altitude), math.radians(place.azimuth)
        apart = angle_between(self._lens.zenith_angle, self._lens.azimuth, zenith_angle, azimuth)
        return Body(place, np.asarray(lux * colour, np.float32), apart)

    def _clear_sky(self, unix_s: float, sun: Body, moon: Body, phase: float) -> Light:
        light = self._night + self._milky_way.band(unix_s)[..., None] * np.float32(MILKY_WAY) * tint(MILKY_WAY_TINT)
        light += moonlight(self._lens.zenith_angle, moon.apart, moon.place.altitude, phase)[..., None] * tint(
            MOONLIGHT_TINT
        )
        if sun.place.altitude > DAYLIGHT_ENDS:
            light += daylight(self._lens, sun.apart, sun.place)
        return light

    def _diffuse_light(self, sun: Body, moon: Body, phase: float) -> Light:
        """(3,): the mean luminance of the sky."""
        by_moon = moonlight(np.full(1, math.pi / 4), np.full(1, math.pi / 3), moon.place.altitude, phase)
        return np.repeat(DIFFUSE * sunlit_sky(sun.place.altitude) + 1.5 * DARK_SKY + by_moon, 3)

    def _lit_clouds(self, sun: Body, moon: Body, diffuse: Light) -> Light:
        """They reflect the sky and the town, and most of all Sun and Moon, brighter near them."""
        light = diffuse * np.float32(CLOUD_REFLECTS_SKY) + self._town[..., None] * np.float32(TOWN) * tint(TOWN_TINT)
        for body in (sun, moon):
            near = 1 + 3 * np.exp(-body.apart / 0.35)
            light += near[..., None] * body.lights_ground * np.float32(CLOUD_REFLECTS_BODIES)
        return light

    def _glare(self, body: Body, cloud: Angle) -> Light:
        """Light that the lens scatters around a bright body."""
        share = GLARE / (np.degrees(body.apart) ** 2 + GLARE_CORE_DEG**2)
        return np.asarray(share[..., None] * body.light * self._passed(body, cloud), np.float32)

    def _passed(self, body: Body, cloud: Angle) -> np.float32:
        """The share of a body's light that the clouds before it let through."""
        x, y = self._pixel(body.place)
        row, column = (
            min(max(int(y) // DETAIL, 0), cloud.shape[0] - 1),
            min(max(int(x) // DETAIL, 0), cloud.shape[1] - 1),
        )
        return np.float32((1 - cloud[row, column]) ** 2)

    def _pixel(self, place: Place) -> tuple[float, float]:
        x, y = self._lens.pixels(np.radians([90 - place.altitude]), np.radians([place.azimuth]))
        return float(x[0]), float(y[0])

    def _draw_disc(self, light: Light, body: Body, cloud: Angle) -> None:
        x, y = self._pixel(body.place)
        # At least a pixel wide, with the same light.
        radius = max(DISC_RADIUS / self._pixel_angle, 1.0)
        left, top, reach = int(x), int(y), math.ceil(radius) + 1
        patch = light[max(top - reach, 0) : top + reach + 1, max(left - reach, 0) : left + reach + 1]
        rows, columns = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]].astype(np.float32)
        apart = np.hypot(columns + max(left - reach, 0) + 0.5 - x, rows + max(top - reach, 0) + 0.5 - y)
        luminance = body.light / np.float32(math.pi * (radius * self._pixel_angle) ** 2)
        patch += np.clip(radius - apart + 0.5, 0, 1)[..., None] * luminance * self._passed(body, cloud)

    def _draw_ground(self, light: Light, luminance: Light) -> None:
        """Trees before the sky; nothing outside of the lens's circle."""
        # Four values, which OpenCV takes for a colour; three could be a picture.
        ground = np.append(luminance * tint(GROUND_TINT), 0.0).astype(np.float64)
        cv2.subtract(light, ground, dst=light)
        darken(light, self._open_sky)
        cv2.add(light, ground, dst=light, mask=self._circle)

    @property
    def _pixel_angle(self) -> float:
        """Radians between two pixels."""
        return math.pi / 2 / self._lens.radius

    @property
    def _star_width(self) -> float:
        """Not narrower than pixels can show: a star between two would be lost."""
        return max(1.1 * self.height / 1024, 0.8)

    def _star_luminance(self, magnitude: Values) -> Values:
        """Of a star's middle, in cd/m²."""
        pixels = math.pi * self._star_width**2
        return MAGNITUDE_0_LX * 10 ** (-0.4 * magnitude) / (pixels * self._pixel_angle**2)


def cloud_threshold(unix_s: float) -> float:
    """Clear hours and cloudy ones follow each other."""
    hours = unix_s / 3600
    return 0.72 + 0.13 * math.sin(math.tau * hours / 7.3) + 0.04 * math.sin(math.tau * hours / 0.8)


def town_share(lens: Fisheye) -> Angle:
    """The light above a town at the horizon, 0 to 1."""
    height = np.clip(1 - lens.zenith_angle / (math.pi / 2), 0, 1)
    towards = 0.12 + 0.88 * np.exp(3 * (np.cos(lens.azimuth - TOWN_AZIMUTH) - 1))
    return np.asarray(np.exp(-height / 0.14) * towards, np.float32)


def night_sky(lens: Fisheye, town: Angle) -> Light:
    """The moonless sky without stars, in cd/m²."""
    low = np.clip(lens.zenith_angle / (math.pi / 2), 0, 1)
    light = DARK_SKY * (1 + 0.5 * low**3)[..., None] * tint(NIGHT_TINT)
    light += AIRGLOW * np.exp(-(((low - 0.8) / 0.12) ** 2))[..., None] * tint(AIRGLOW_TINT)
    light += TOWN * town[..., None] * tint(TOWN_TINT)
    return np.asarray(light, np.float32)


def tint(colour: tuple[float, float, float]) -> Light:
    return np.array(colour, np.float32)
