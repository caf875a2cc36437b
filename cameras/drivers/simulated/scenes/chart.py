"""A chart for tests and measurements: a gradient with stars, the time and the frame number, on a linear sensor.

The sensor is linear and has 8 bits without a gamma curve: a pixel's value is

    min(255, luminance x exposure in seconds x gain x ISO / 100 x (1.4 / f-number)²)

with the luminance in counts per second at gain 1, ISO 100 and f/1.4. The sky is `sky_level` bright at middle height and
brightens towards the horizon by `contrast_decades` powers of ten in all, so that a millisecond shows the horizon and
eight seconds still leave the zenith dark: the mean rises with the exposure over all of an automatic exposure's range.
Stars stand on top of the sky and drift to the left. With `shot_noise` a pixel's deviation is
sqrt(value x gain x ISO / 100).
"""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.drivers.simulated.codec import draw_frame_number
from cameras.drivers.simulated.scenes.base import ExposureSettings, Image, Scene, SceneSettings, utc_text

TINTS = (0.80, 0.90, 1.00)
"""Red, green and blue of the sky, of its luminance; red and blue change places from left to right."""
STARS = 48
STAR_LUMINANCE = 10.0 ** np.linspace(2, 6, STARS)
STAR_DRIFT = 12.0
"""Pixels per second."""
SPREAD = np.array([0.7548776662, 0.5698402909])
"""Steps that spread points evenly over a square: M. Roberts, The R2 sequence, 2018."""
STAR_SHAPE = np.array([[0.2, 0.6, 0.2], [0.6, 1.0, 0.6], [0.2, 0.6, 0.2]])
NOISE_FIELDS = 3
KEPT_SKIES = 6
BAND_ROWS = 64
TEXT_LEFT, TEXT_TOP, TEXT_HEIGHT = 16, 104, 24
FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5


class ChartScene(Scene):
    """The chart for one picture size. `render` costs a copy of the picture and some small patches."""

    def __init__(self, settings: SceneSettings) -> None:
        super().__init__(settings)
        self._luminance = Luminance(self.width, self.height, settings.sky_level, settings.contrast_decades)
        self._noise = _normal((self.height, self.width, 3)) if settings.shot_noise else None
        self._skies: OrderedDict[tuple[ExposureSettings, int], Image] = OrderedDict()
        places = np.arange(STARS)[:, None] * SPREAD % 1
        top = TEXT_TOP + 2 * TEXT_HEIGHT
        self._star_rows = (top + places[:, 0] * (self.height - 1 - top)).astype(np.intp)
        self._star_columns = places[:, 1] * self.width

    def render(self, number: int, exposure: ExposureSettings, wall_ns: int, seconds: float) -> Image:
        """A new picture, (height, width, 3) RGB; `wall_ns` is written into it, `seconds` moves the stars."""
        # A copy: the sky serves further frames, and a picture never changes after it was handed out.
        image = self._sky(exposure, 0 if self._noise is None else number % NOISE_FIELDS).copy()
        self._draw_stars(image, exposure.equivalent_s, seconds)
        _draw_text(image, f"SIMULATED {utc_text(wall_ns)} #{number}")
        draw_frame_number(image, number)
        return image

    def _sky(self, exposure: ExposureSettings, field: int) -> Image:
        """The sky without stars as the sensor sees it, with shot noise number `field`. Made once; do not change it."""
        key = (exposure, field)
        if key not in self._skies:
            self._skies[key] = self._exposed(exposure, field)
        self._skies.move_to_end(key)
        if len(self._skies) > KEPT_SKIES:
            self._skies.popitem(last=False)
        return self._skies[key]

    def _exposed(self, exposure: ExposureSettings, field: int) -> Image:
        clean = self._luminance.exposed(exposure.equivalent_s)
        if self._noise is None:
            return clean
        return _noisy(clean, exposure.amplification, np.roll(self._noise, 97 * field, axis=0))

    def _draw_stars(self, image: Image, light: float, seconds: float) -> None:
        columns = (self._star_columns - STAR_DRIFT * seconds) % (self.width - 2)
        y = self._star_rows[:, None, None] + np.array([-1, 0, 1])[:, None]
        x = columns.astype(np.intp)[:, None, None] + np.array([0, 1, 2])
        starlight = (STAR_LUMINANCE * light)[:, None, None] * STAR_SHAPE
        image[y, x] = np.minimum(image[y, x] + starlight[..., None], 255).astype(np.uint8)


class Luminance:
    """The sky in counts per second at gain 1, ISO 100 and f/1.4, as float32. It is made band by band: of 1.3 megapixels
    the whole would take 16 MB of each camera's process."""

    def __init__(self, width: int, height: int, sky_level: float, contrast_decades: float) -> None:
        self._size = width, height
        rows = sky_level * 10.0 ** (contrast_decades * np.linspace(-0.5, 0.5, height))
        across = np.linspace(0, 1, width)[:, None]
        self._rows = rows.astype(np.float32)[:, None, None]
        self._tints = (np.array(TINTS) * (1 - across) + np.array(TINTS[::-1]) * across).astype(np.float32)

    def exposed(self, seconds: float) -> Image:
        """(height, width, 3) uint8: what a sensor without noise counts in this time."""
        width, height = self._size
        image = np.empty((height, width, 3), np.uint8)
        for top in range(0, height, BAND_ROWS):
            band = self._rows[top : top + BAND_ROWS] * self._tints
            cv2.convertScaleAbs(band, image[top : top + BAND_ROWS], alpha=seconds)
        return image


def _normal(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.default_rng(2).standard_normal(shape, np.float32)


def _noisy(clean: Image, amplification: float, normal: NDArray[np.float32]) -> Image:
    deviations = np.sqrt(np.arange(256) * amplification).astype(np.float32)
    noisy: Image = np.clip(clean + normal * deviations[clean], 0, 255).astype(np.uint8)
    return noisy


def _draw_text(image: Image, text: str) -> None:
    (width, _), _ = cv2.getTextSize(text, FONT, FONT_SCALE, 1)
    image[TEXT_TOP : TEXT_TOP + TEXT_HEIGHT, TEXT_LEFT : TEXT_LEFT + width + 12] = 0
    cv2.putText(image, text, (TEXT_LEFT + 6, TEXT_TOP + 17), FONT, FONT_SCALE, (255, 255, 255), 1, cv2.LINE_AA)
