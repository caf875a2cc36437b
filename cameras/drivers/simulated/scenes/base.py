"""What all scenes share: how they are rendered, their brightness, noise and caption; and `Moments`: what changes
slowly in a scene, drawn for moments in equal steps, ahead of a stream and beside it. The scenes `sky`, `microscope`
and `bench` have an automatic brightness, as webcams have: ten times the light makes them a quarter brighter, so that
a stream of 10 ms and a session of 8 s both show them well."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import ClassVar, Generic, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Light = NDArray[np.float32]
"""(height, width, 3), linear; 1 is full scale."""
Made = TypeVar("Made")

WIDEST_F_NUMBER = 1.4
REFERENCE_S = 0.01
BRIGHTNESS_EXPONENT = 0.1
DIMMEST, BRIGHTEST = 0.5, 1.8
BAND_ROWS = 64
NOISE_SIZE = 512
GRAIN_PLACES = 64
"""Rows and columns from which the grain of a frame may start."""
KEPT_BRIGHTNESSES = 2
"""That of the stream, and that of the stills between its frames."""
LEVELS, FULL_SCALE = 65_536, 4.0
"""Steps of light between black and FULL_SCALE, far into the highlights."""
CAPTION_FONT, CAPTION_HEIGHT = cv2.FONT_HERSHEY_SIMPLEX, 14
"""Height of the caption in pixels of a picture of 1024 rows."""


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """What a scene is constructed with: the picture's size in pixels, the chart's settings, and the site in degrees and
    metres."""

    width: int
    height: int
    sky_level: float = 500.0
    contrast_decades: float = 5.0
    shot_noise: bool = False
    latitude: float = 48.0
    longitude: float = 11.0
    elevation: float = 0.0


@dataclass(frozen=True, slots=True)
class ExposureSettings:
    """The settings of one frame."""

    exposure_us: int
    gain: float = 1.0
    iso: int = 100
    f_number: float = 1.4

    @property
    def seconds(self) -> float:
        return self.exposure_us / 1e6

    @property
    def amplification(self) -> float:
        """Of the sensor's signal, with its noise; 1 at gain 1 and ISO 100."""
        return self.gain * (self.iso / 100)

    @property
    def equivalent_s(self) -> float:
        """The exposure time in seconds that gives as bright a picture at gain 1, ISO 100 and f/1.4."""
        return self.seconds * self.amplification * (WIDEST_F_NUMBER / self.f_number) ** 2


class Scene(ABC):
    """A scene for one picture size."""

    def __init__(self, settings: SceneSettings) -> None:
        self.width, self.height = settings.width, settings.height

    @abstractmethod
    def render(self, number: int, exposure: ExposureSettings, wall_ns: int, seconds: float) -> Image:
        """A new picture, (height, width, 3) RGB, of frame `number`; `seconds` are since the camera was opened. It may
        be called for any time in any order: the same arguments give the same picture."""

    def render_streamed(self, number: int, exposure: ExposureSettings, wall_ns: int, seconds: float) -> Image:
        """The same for a frame of a stream, which is rendered in order. It must not take long: what does is drawn ahead
        on another thread (`Moments`)."""
        return self.render(number, exposure, wall_ns, seconds)


class BackdropScene(Scene):
    """A scene that moves before a static backdrop, which is developed once for each brightness."""

    noise: ClassVar[float]
    """Of the backdrop, as a share of full scale."""

    def __init__(self, settings: SceneSettings) -> None:
        super().__init__(settings)
        self._images: OrderedDict[float, Image] = OrderedDict()

    @abstractmethod
    def light_backdrop(self) -> Light:
        """The light of the backdrop."""

    @abstractmethod
    def draw(self, image: Image, seconds: float) -> None:
        """Draw what moves on a developed backdrop."""

    def render(self, number: int, exposure: ExposureSettings, wall_ns: int, seconds: float) -> Image:
        # A copy: the backdrop serves further frames, and a picture never changes after it was handed out.
        image = recent(self._images, round(brightness_of(exposure), 3), self._develop_backdrop).copy()
        self.draw(image, seconds)
        draw_caption(image, wall_ns)
        return image

    def _develop_backdrop(self, brightness: float) -> Image:
        image = developed(self._light, brightness)
        add_grain(image, self.noise, seed=1)
        return image

    @cached_property
    def _light(self) -> Light:
        return self.light_backdrop()


def recent(kept: OrderedDict[float, Made], brightness: float, make: Callable[[float], Made]) -> Made:
    """What was made for this brightness. Only what was used last is kept."""
    if brightness not in kept:
        kept[brightness] = make(brightness)
    kept.move_to_end(brightness)
    if len(kept) > KEPT_BRIGHTNESSES:
        kept.popitem(last=False)
    return kept[brightness]


def brightness_of(exposure: ExposureSettings) -> float:
    """1 at 10 ms, gain 1, ISO 100 and f/1.4."""
    found = (max(exposure.equivalent_s, 1e-6) / REFERENCE_S) ** BRIGHTNESS_EXPONENT
    return float(min(max(found, DIMMEST), BRIGHTEST))


def developed(light: Light, brightness: float) -> Image:
    """8 bits with the tone of a camera's JPEG: a display gamma and soft highlights.

    Uses a table: the same in float32 takes five times as long.
    """
    image, table = np.empty(light.shape, np.uint8), tone_table(round(brightness, 3))
    # In bands, which stay in the processor's cache: at once, all steps of 1.3 megapixels would need 40 MB.
    for top in range(0, len(light), BAND_ROWS):
        band = light[top : top + BAND_ROWS] * np.float32(LEVELS / FULL_SCALE)
        levels = np.clip(band, 0, LEVELS - 1, out=band).astype(np.uint16)
        # No level is beyond the table. With the mode `raise` numpy would write into a buffer first.
        np.take(table, levels, out=image[top : top + BAND_ROWS], mode="clip")
    return image


def darken(light: Light, share: Light) -> None:
    """Multiply all colours by `share`, (height, width, 1), in place."""
    # A third of numpy's time, which multiplies three colours at a time. In bands, as `developed`.
    for top in range(0, len(light), BAND_ROWS):
        band = light[top : top + BAND_ROWS]
        cv2.multiply(band, cv2.merge([share[top : top + BAND_ROWS]] * 3), dst=band)


def add_grain(image: Image, noise: float, seed: int) -> None:
    """The noise of one frame, in place. `noise` is a share of full scale; the same seed gives the same noise."""
    height, width = image.shape[:2]
    row, column = np.random.default_rng(seed).integers(0, GRAIN_PLACES, 2)
    # Not drawn for each frame: that takes ten times as long.
    grain = grain_field(height + GRAIN_PLACES, width + GRAIN_PLACES, noise)
    cv2.add(image, grain[row : row + height, column : column + width], dst=image, dtype=cv2.CV_8U)


@functools.lru_cache(maxsize=4)
def tone_table(brightness: float) -> Image:
    """The output value for each of LEVELS of light."""
    light = np.arange(LEVELS) / LEVELS * FULL_SCALE * brightness**2
    return np.asarray(np.sqrt(1 - np.exp(-1.4 * light)) * 255, np.uint8)


@functools.lru_cache(maxsize=2)
def grain_field(height: int, width: int, noise: float) -> NDArray[np.int8]:
    """(height, width, 3), the same in all colours, from a field of NOISE_SIZE that repeats."""
    grain = np.random.default_rng(2).standard_normal((NOISE_SIZE, NOISE_SIZE, 1), np.float32) * (noise * 255)
    tile = np.asarray(np.repeat(np.clip(grain, -127, 127), 3, axis=2), np.int8)
    return np.tile(tile, (-(-height // NOISE_SIZE), -(-width // NOISE_SIZE), 1))[:height, :width]


def smooth_noise(height: int, width: int, cell: float, seed: int, octaves: int = 4) -> Light:
    """(height, width), 0 to 1: cloud-like noise; `cell` is the size in pixels of the largest structure."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for octave in range(octaves):
        size = max(cell / 2**octave, 2.0)
        coarse = random.random((int(height / size) + 3, int(width / size) + 3), np.float32)
        total += weight * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        weight *= 0.5
    least, most = float(total.min()), float(total.max())
    return np.asarray((total - least) / max(most - least, 1e-6), np.float32)


def around(surface: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """`width` columns of a surface that has more of them, so that the last column continues in the first."""
    beyond = surface[..., width:]
    share = np.linspace(0, 1, beyond.shape[-1], dtype=np.float32)
    closed = surface[..., :width].copy()
    closed[..., : share.size] = beyond * (1 - share) + closed[..., : share.size] * share
    return closed


def draw_caption(image: Image, wall_ns: int) -> None:
    """Write `SIMULATED` and the time to the millisecond into the lower left corner."""
    text = f"SIMULATED  {utc_text(wall_ns)[:-1].replace('T', '  ')} UTC"
    height, width = image.shape[:2]
    scale = max(CAPTION_HEIGHT * height / 1024, 9) / 22
    size, _ = cv2.getTextSize(text, CAPTION_FONT, scale, 1)
    place = (round(16 * width / 1280), height - round(16 * height / 1024))
    box = (place[0] - 4, place[1] - size[1] - 5, size[0] + 8, size[1] + 10)
    under = image[max(box[1], 0) : box[1] + box[3], max(box[0], 0) : box[0] + box[2]]
    under[...] = under // 2
    cv2.putText(image, text, place, CAPTION_FONT, scale, (214, 218, 224), 1, cv2.LINE_AA)


def utc_text(wall_ns: int) -> str:
    """`2026-01-31T23:59:59.123Z`."""
    seconds, nanoseconds = divmod(wall_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1_000_000:03d}Z"


Drawing = TypeVar("Drawing")


class Surrounding(NamedTuple, Generic[Drawing]):
    """The drawings of the moments before and after a time, and the share of the way from the first to the second."""

    before: Drawing
    after: Drawing
    share: float


class Moments(Generic[Drawing]):
    """Drawings for the moments 0, `every_s`, 2 `every_s`, ... of the caller's time. One thread uses it.

    A stream is drawn ahead on another thread: in the first half of a step the next moment, in its second half the one
    after that. So the thread of its frames draws the first moment alone, and waits only if the machine took longer than
    a step for a drawing.
    """

    def __init__(self, every_s: float, draw: Callable[[float], Drawing]) -> None:
        self._every_s, self._draw = every_s, draw
        self._drawings: dict[int, Future[Drawing]] = {}
        """By the number of the moment."""
        # Starts its thread for the first drawing, and ends it when no one refers to this object any more.
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scene")

    def last(self, at_s: float) -> Drawing:
        """Of the moment before this time, or at it."""
        number = math.floor(at_s / self._every_s)
        # Those that a stream needs from now on.
        self._drawings = {one: drawing for one, drawing in self._drawings.items() if number <= one <= number + 2}
        if number not in self._drawings:
            drawing: Future[Drawing] = Future()
            drawing.set_result(self._draw(number * self._every_s))
            self._drawings[number] = drawing
        return self._drawings[number].result()

    def around(self, at_s: float) -> Surrounding[Drawing]:
        """For a frame of a stream. While the next moment is not drawn, the last one stands for both."""
        before, number = self.last(at_s), math.floor(at_s / self._every_s)
        share = at_s / self._every_s - number
        self._draw_ahead(number + 1)
        if share >= 0.5:
            self._draw_ahead(number + 2)
        following = self._drawings[number + 1]
        return Surrounding(before, following.result() if following.done() else before, share)

    def _draw_ahead(self, number: int) -> None:
        if number not in self._drawings:
            self._drawings[number] = self._ahead.submit(self._draw, number * self._every_s)
