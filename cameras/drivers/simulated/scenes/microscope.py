"""Living cells in bright-field light: round ones with nuclei that drift and turn, a ciliate, a scale bar."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from cameras.drivers.simulated.scenes.base import (
    CAPTION_FONT,
    BackdropScene,
    Image,
    Light,
    SceneSettings,
    smooth_noise,
)

CELLS, SHAPES = 46, 16
SMALLEST, LARGEST = 0.022, 0.052
"""Radii, of the picture's height."""
LIGHT = (0.52, 0.505, 0.45)
MICROMETRES_OF_HEIGHT = 256.0
BAR_MICROMETRES = 50
TURNS = 16
"""Drawings of a cell, each rotated a little more."""
CLEAR = 200
"""Full transmission in the 8-bit sprites."""


@dataclass(frozen=True)
class Cell:
    """The position and movement of a cell; lengths as shares of the picture's height, angles in radians."""

    x: float
    y: float
    pace: float
    phase: float
    sprites: list[Image]
    """The transmission of the cell in shares of CLEAR, rotated in equal steps."""

    def place(self, seconds: float, aspect: float) -> tuple[float, float]:
        t, p = seconds * self.pace, self.phase
        x = self.x + 0.010 * math.sin(0.31 * t + p) + 0.004 * math.sin(1.7 * t + 2 * p) + 0.0006 * seconds * math.cos(p)
        y = self.y + 0.010 * math.cos(0.27 * t + 3 * p) + 0.004 * math.sin(1.3 * t + p) + 0.0006 * seconds * math.sin(p)
        margin = 1.2 * LARGEST
        return (x + margin) % (aspect + 2 * margin) - margin, (y + margin) % (1 + 2 * margin) - margin


class MicroscopeScene(BackdropScene):
    noise = 0.006

    def __init__(self, settings: SceneSettings) -> None:
        super().__init__(settings)
        random = np.random.default_rng(21)
        aspect = self.width / self.height
        radii = self.height * (SMALLEST + (LARGEST - SMALLEST) * random.beta(2, 2.5, SHAPES))
        shapes = [cell_sprites(max(4, round(radius)), 100 + number) for number, radius in enumerate(radii)]
        self._cells = [
            Cell(
                x=float(random.uniform(0, aspect)),
                y=float(random.uniform(0, 1)),
                pace=float(random.uniform(0.5, 1.4)),
                phase=float(random.uniform(0, math.tau)),
                sprites=shapes[number % SHAPES],
            )
            for number in range(CELLS)
        ]
        self._swimmer = swimmer_sprites(max(4, round(0.03 * self.height)))

    def draw(self, image: Image, seconds: float) -> None:
        aspect = self.width / self.height
        for cell in self._cells:
            x, y = cell.place(seconds, aspect)
            turn = int((cell.phase + 0.06 * seconds * cell.pace) / math.tau * TURNS) % TURNS
            shade(image, cell.sprites[turn], x * self.height, y * self.height)
        self._draw_swimmer(image, seconds, aspect)
        self._draw_bar(image)

    def light_backdrop(self) -> Light:
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        apart = np.hypot(columns - 0.52 * self.width, rows - 0.47 * self.height) / self.height
        light = np.array(LIGHT, np.float32) * (1 - 0.42 * apart**2)[..., None]
        light *= (0.975 + 0.05 * smooth_noise(self.height, self.width, self.height / 3, seed=4, octaves=3))[..., None]
        debris = smooth_noise(self.height, self.width, 9 * self.height / 1024, seed=6, octaves=2)
        light *= (1 - 0.5 * np.clip(debris - 0.88, 0, 1) * 5)[..., None]
        return np.asarray(light, np.float32)

    def _draw_swimmer(self, image: Image, seconds: float, aspect: float) -> None:
        """A ciliate on a wide loop."""
        way = seconds * 0.11
        x = aspect * (0.5 + 0.46 * math.sin(way) + 0.03 * math.sin(9 * way))
        y = 0.5 + 0.42 * math.sin(2 * way + 0.6)
        heading = math.atan2(0.84 * math.cos(2 * way + 0.6), aspect * 0.46 * math.cos(way))
        sprite = self._swimmer[int(heading / math.tau * len(self._swimmer)) % len(self._swimmer)]
        shade(image, sprite, x * self.height, y * self.height)

    def _draw_bar(self, image: Image) -> None:
        length = round(self.height * BAR_MICROMETRES / MICROMETRES_OF_HEIGHT)
        right, bottom = self.width - round(0.025 * self.height), self.height - round(0.025 * self.height)
        thickness = max(2, round(0.005 * self.height))
        cv2.rectangle(image, (right - length, bottom - thickness), (right, bottom), (28, 30, 34), -1)
        scale = max(0.6 * self.height / 1024, 0.35)
        text = f"{BAR_MICROMETRES} um"
        (across, _), _ = cv2.getTextSize(text, CAPTION_FONT, scale, 1)
        place = (right - (length + across) // 2, bottom - 3 * thickness)
        cv2.putText(image, text, place, CAPTION_FONT, scale, (28, 30, 34), 1, cv2.LINE_AA)


def shade(image: Image, sprite: Image, x: float, y: float) -> None:
    """Multiply the picture by the sprite's transmission, centred at (x, y) in pixels and cut at the edges."""
    rows, columns = sprite.shape[:2]
    left, top = round(x) - columns // 2, round(y) - rows // 2
    from_x, from_y = max(0, -left), max(0, -top)
    to_x, to_y = min(columns, image.shape[1] - left), min(rows, image.shape[0] - top)
    if from_x >= to_x or from_y >= to_y:
        return
    under = image[top + from_y : top + to_y, left + from_x : left + to_x]
    cv2.multiply(under, sprite[from_y:to_y, from_x:to_x], dst=under, scale=1 / CLEAR)


def cell_sprites(radius: int, seed: int) -> list[Image]:
    """One cell in TURNS positions: a bright rim beside a dark membrane, cytoplasm with granules, a stained nucleus."""
    random = np.random.default_rng(seed)
    half = round(1.6 * radius)
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / radius
    angle, apart = np.arctan2(rows, columns), np.hypot(rows, columns)
    depths, phases = random.normal(0, 0.045, 4), random.uniform(0, math.tau, 4)
    lobes = sum(depths[order - 2] * np.cos(order * angle + phases[order - 2]) for order in (2, 3, 4, 5))
    edge = apart / (1 + lobes)
    inside = 1 / (1 + np.exp((edge - 1) * 26))
    membrane, rim = np.exp(-(((edge - 1) / 0.05) ** 2)), np.exp(-(((edge - 1.13) / 0.06) ** 2))
    size = rows.shape[0]
    granules = smooth_noise(size, size, max(radius / 3.2, 2), seed % 9973, octaves=3)
    centre_x, centre_y = random.uniform(-0.28, 0.28, 2)
    nucleus = 1 / (1 + np.exp((np.hypot(columns - centre_x, (rows - centre_y) * 1.15) - 0.42) * 22))
    nucleolus = np.exp(-((np.hypot(columns - centre_x - 0.1, rows - centre_y + 0.06) / 0.11) ** 2))
    stain = np.array([0.20, 0.30, 0.13] if random.random() < 0.75 else [0.12, 0.26, 0.24])
    through = 1 - inside[..., None] * (0.10 + 0.16 * granules[..., None]) * np.array([0.9, 1.0, 0.75])
    through *= 1 - nucleus[..., None] * (stain * 1.6 + 0.12 * granules[..., None])
    through *= 1 - 0.35 * nucleolus[..., None]
    through *= 1 - 0.42 * membrane[..., None] * np.array([0.95, 1.0, 0.9])
    through *= 1 + 0.13 * rim[..., None]
    return turned(through.astype(np.float32))


def swimmer_sprites(radius: int) -> list[Image]:
    """A slipper-shaped ciliate, its front towards positive x."""
    half = round(3.2 * radius)
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / radius
    belly = 0.85 + 0.12 * columns
    edge = np.hypot(columns / 2.3, rows / np.maximum(belly, 0.2))
    inside = 1 / (1 + np.exp(np.minimum((edge - 1) * 22, 40)))
    cilia = np.exp(-(((edge - 1.10) / 0.05) ** 2)) * (0.5 + 0.5 * np.sin(np.arctan2(rows, columns) * 64))
    granules = smooth_noise(rows.shape[0], rows.shape[0], max(radius / 2, 2), 77, octaves=3)
    vacuoles = sum(
        np.exp(-((np.hypot(columns - x, rows - y) / 0.2) ** 2)) for x, y in ((1.3, 0.1), (-1.4, -0.1), (0.5, -0.3))
    )
    nucleus = np.exp(-((np.hypot((columns + 0.2) / 0.6, rows / 0.35)) ** 4))
    dark = inside * (0.22 + 0.30 * granules) + 0.25 * np.exp(-(((edge - 1) / 0.06) ** 2)) + 0.18 * cilia
    through = 1 - (dark + 0.18 * nucleus * inside)[..., None] * np.array([0.85, 0.75, 1.0])
    through *= 1 + (0.30 * vacuoles * inside)[..., None]
    return turned(through.astype(np.float32))


def turned(through: Light) -> list[Image]:
    size = (through.shape[1], through.shape[0])
    middle = (size[0] / 2 - 0.5, size[1] / 2 - 0.5)
    sprite = np.clip(through * CLEAR, 0, 255)
    turns = (cv2.getRotationMatrix2D(middle, -360 * step / TURNS, 1) for step in range(TURNS))
    border = (float(CLEAR),) * 3
    return [np.asarray(cv2.warpAffine(sprite, turn, size, borderValue=border), np.uint8) for turn in turns]
