"""A laboratory bench: a flask on a magnetic stirrer, a beaker in which bubbles rise, test tubes, a thermometer."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.drivers.simulated.scenes.base import BackdropScene, Image, Light, SceneSettings, smooth_noise

BUBBLES = 34
WALL, TABLE = (0.42, 0.47, 0.50), (0.30, 0.29, 0.28)
GLASS = (0.80, 0.86, 0.88)
BLUE, AMBER = (0.05, 0.20, 0.55), (0.70, 0.32, 0.04)
TUBES = ((0.62, 0.10, 0.12), (0.68, 0.42, 0.05), (0.16, 0.50, 0.18), (0.08, 0.32, 0.60), (0.38, 0.14, 0.52))
SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgedc", "7": "abc",
    "8": "abcdefg", "9": "abcdfg",
}  # fmt: skip
BARS = {
    "a": (0, 0, 1, 0), "b": (1, 0, 1, 0.5), "c": (1, 0.5, 1, 1), "d": (0, 1, 1, 1), "e": (0, 0.5, 0, 1),
    "f": (0, 0, 0, 0.5), "g": (0, 0.5, 1, 0.5),
}  # fmt: skip
FINE = 4
"""Bits after the point in OpenCV's coordinates: edges are smooth."""


class Canvas:
    """Draws on a picture. Lengths are shares of its height; x counts from its middle."""

    def __init__(self, pixels: NDArray[Any]) -> None:
        self.pixels = pixels
        self.height: int
        self.width: int
        self.height, self.width = pixels.shape[:2]

    def at(self, x: float, y: float) -> tuple[int, int]:
        return round(self.width / 2 + x * self.height), round(y * self.height)

    def size(self, x: float, y: float) -> tuple[int, int]:
        return max(1, round(x * self.height)), max(1, round(y * self.height))

    def px(self, size: float) -> int:
        return max(1, round(size * self.height))

    def box(self, x: float, y: float, wide: float, high: float, colour: tuple[float, ...]) -> None:
        """With light from above."""
        (left, top), (right, bottom) = self.at(x - wide / 2, y - high / 2), self.at(x + wide / 2, y + high / 2)
        under = self.pixels[max(top, 0) : bottom, max(left, 0) : right]
        fall = np.linspace(1.05, 0.72, under.shape[0], dtype=np.float32)[:, None, None]
        under[...] = np.array(colour, np.float32) * fall * 0.8
        under[:2] *= 1.3

    def disc(self, x: float, y: float, radius: float, colour: tuple[float, ...]) -> None:
        cv2.circle(self.pixels, self.at(x, y), self.px(radius), colour, -1, cv2.LINE_AA)

    def polygon(self, corners: list[tuple[float, float]], colour: tuple[float, ...], opacity: float) -> None:
        mask = np.zeros(self.pixels.shape[:2], np.float32)
        cv2.fillPoly(mask, [np.array([self.at(*corner) for corner in corners])], 1.0, cv2.LINE_AA)
        self.tint(mask * opacity, colour)

    def ellipse(self, x: float, y: float, wide: float, high: float, colour: tuple[float, ...], opacity: float) -> None:
        mask = np.zeros(self.pixels.shape[:2], np.float32)
        cv2.ellipse(mask, self.at(x, y), self.size(wide, high), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
        self.tint(mask * opacity, colour)

    def tint(self, mask: Light, colour: tuple[float, ...]) -> None:
        columns = np.linspace(-1, 1, self.pixels.shape[1], dtype=np.float32)[None, :, None]
        body = np.array(colour, np.float32) * (0.85 + 0.3 * np.cos(columns * 9))
        self.pixels += mask[..., None] * (body - self.pixels)

    def ellipse_line(self, x: float, y: float, wide: float, high: float) -> None:
        cv2.ellipse(self.pixels, self.at(x, y), self.size(wide, high), 0, 0, 360, GLASS, self.px(0.0025), cv2.LINE_AA)

    def glass(self, outline: list[tuple[float, float]]) -> None:
        """Glass walls with bright edges, and a faint veil between."""
        points = np.array([self.at(*corner) for corner in outline])
        mask = np.zeros(self.pixels.shape[:2], np.float32)
        cv2.fillPoly(mask, [points], 1.0, cv2.LINE_AA)
        inner = cv2.GaussianBlur(mask, (0, 0), 0.007 * self.height)
        rim = np.clip(mask - inner, 0, 1)
        self.pixels += (0.55 * rim + 0.015 * mask)[..., None] * np.array(GLASS, np.float32)
        cv2.polylines(self.pixels, [points], False, GLASS, self.px(0.0018), cv2.LINE_AA)

    def highlight(self, x1: float, y1: float, x2: float, y2: float) -> None:
        mask = np.zeros(self.pixels.shape[:2], np.float32)
        cv2.line(mask, self.at(x1, y1), self.at(x2, y2), 1.0, self.px(0.006), cv2.LINE_AA)
        self.pixels += 0.45 * cv2.GaussianBlur(mask, (0, 0), 0.003 * self.height)[..., None]


def _draw_shadows(canvas: Canvas) -> None:
    shadow = np.zeros(canvas.pixels.shape[:2], np.float32)
    for x, y, wide in ((-0.36, 0.885, 0.20), (0.03, 0.90, 0.17), (0.41, 0.83, 0.23), (0.36, 0.95, 0.11)):
        cv2.ellipse(shadow, canvas.at(x + 0.04, y), canvas.size(wide, 0.035), 0, 0, 360, 1.0, -1)
    canvas.pixels *= (1 - 0.55 * cv2.GaussianBlur(shadow, (0, 0), 0.016 * canvas.height))[..., None]


def _draw_stirrer(canvas: Canvas) -> None:
    canvas.box(-0.36, 0.84, 0.36, 0.075, (0.55, 0.57, 0.58))
    canvas.box(-0.36, 0.80, 0.30, 0.016, (0.80, 0.82, 0.82))
    canvas.disc(-0.45, 0.842, 0.016, (0.10, 0.11, 0.12))
    canvas.disc(-0.27, 0.842, 0.006, (0.15, 0.95, 0.35))
    canvas.box(-0.345, 0.842, 0.07, 0.028, (0.03, 0.05, 0.05))


def _draw_flask(canvas: Canvas) -> None:
    """Erlenmeyer, filled to a third of its height."""
    outline = [(-0.395, 0.44), (-0.395, 0.56), (-0.475, 0.775), (-0.465, 0.792), (-0.255, 0.792), (-0.245, 0.775),
               (-0.325, 0.56), (-0.325, 0.44)]  # fmt: skip
    liquid = [(-0.437, 0.672), (-0.471, 0.772), (-0.462, 0.786), (-0.258, 0.786), (-0.249, 0.772), (-0.283, 0.672)]
    canvas.polygon(liquid, BLUE, 0.80)
    canvas.ellipse(-0.36, 0.672, 0.077, 0.012, (0.14, 0.36, 0.75), 0.85)
    canvas.glass(outline)
    canvas.ellipse_line(-0.36, 0.44, 0.036, 0.007)
    canvas.highlight(-0.445, 0.70, -0.408, 0.60)


def _draw_beaker(canvas: Canvas) -> None:
    outline = [(-0.085, 0.56), (-0.085, 0.875), (-0.073, 0.889), (0.133, 0.889), (0.145, 0.875), (0.145, 0.56)]
    liquid = [(-0.082, 0.66), (-0.082, 0.873), (-0.071, 0.885), (0.131, 0.885), (0.142, 0.873), (0.142, 0.66)]
    canvas.polygon(liquid, AMBER, 0.62)
    canvas.ellipse(0.03, 0.66, 0.112, 0.017, (0.85, 0.50, 0.12), 0.75)
    canvas.glass(outline)
    canvas.ellipse_line(0.03, 0.56, 0.115, 0.018)
    for step in range(5):
        y = 0.68 + 0.036 * step
        cv2.line(canvas.pixels, canvas.at(0.085, y), canvas.at(0.118 - 0.012 * (step % 2), y), GLASS, 1, cv2.LINE_AA)
    canvas.highlight(-0.066, 0.86, -0.066, 0.60)


def _draw_rack(canvas: Canvas) -> None:
    for number, colour in enumerate(TUBES):
        x = 0.295 + 0.062 * number
        canvas.polygon([(x - 0.017, 0.60), (x - 0.017, 0.775), (x + 0.017, 0.775), (x + 0.017, 0.60)], colour, 0.8)
        canvas.ellipse(x, 0.775, 0.017, 0.018, colour, 0.8)
        canvas.ellipse(x, 0.60, 0.017, 0.004, tuple(min(1.0, part * 1.5) for part in colour), 0.8)
        canvas.glass([(x - 0.019, 0.47), (x - 0.019, 0.78), (x + 0.019, 0.78), (x + 0.019, 0.47)])
        canvas.ellipse_line(x, 0.47, 0.020, 0.005)
        canvas.highlight(x - 0.012, 0.76, x - 0.012, 0.50)
    canvas.box(0.42, 0.56, 0.36, 0.020, (0.62, 0.50, 0.36))
    canvas.box(0.42, 0.80, 0.36, 0.045, (0.55, 0.43, 0.30))
    canvas.box(0.25, 0.68, 0.018, 0.26, (0.50, 0.39, 0.27))
    canvas.box(0.59, 0.68, 0.018, 0.26, (0.50, 0.39, 0.27))


def _draw_thermometer(canvas: Canvas) -> None:
    canvas.box(0.36, 0.925, 0.20, 0.085, (0.16, 0.17, 0.19))
    canvas.box(0.36, 0.922, 0.17, 0.058, (0.30, 0.36, 0.29))
    along = ((0.262, 0.93), (0.20, 0.95), (0.26, 0.28), (0.075, 0.40), (0.085, 0.82))
    curve = np.array([canvas.at(x, y) for x, y in along])
    t = np.linspace(0, 1, 40)[:, None]
    path = sum(math.comb(4, k) * t**k * (1 - t) ** (4 - k) * curve[k] for k in range(5))
    cv2.polylines(
        canvas.pixels, [np.round(path).astype(np.int32)], False, (0.05, 0.05, 0.06), canvas.px(0.005), cv2.LINE_AA
    )


FURNITURE = (_draw_shadows, _draw_rack, _draw_stirrer, _draw_flask, _draw_beaker, _draw_thermometer)
"""From the back to the front."""


class BenchScene(BackdropScene):
    noise = 0.007

    def __init__(self, settings: SceneSettings) -> None:
        super().__init__(settings)
        random = np.random.default_rng(13)
        self._bubbles = random.uniform(0, 1, (BUBBLES, 4))

    def draw(self, image: Image, seconds: float) -> None:
        canvas = Canvas(image)
        _draw_vortex(canvas, seconds)
        self._draw_bubbles(canvas, seconds)
        _draw_reading(canvas, seconds)

    def light_backdrop(self) -> Light:
        light = np.empty((self.height, self.width, 3), np.float32)
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32) / self.height
        table = rows > 0.70
        lamp = np.exp(-((columns - 0.35 * self.width / self.height) ** 2 + (rows - 0.10) ** 2) / 0.55)
        light[...] = np.where(table[..., None], np.array(TABLE, np.float32), np.array(WALL, np.float32))
        light *= (0.42 + 0.85 * lamp)[..., None]
        self._tile_the_wall(light)
        sheen = np.exp(-(((rows - 0.72) / 0.05) ** 2)) * table * lamp
        light += 0.10 * sheen[..., None]
        grain = smooth_noise(self.height, self.width, 0.02 * self.height, seed=2, octaves=3) - 0.5
        light *= 1 + (0.10 * grain * table)[..., None]
        cv2.GaussianBlur(light, (0, 0), max(0.0022 * self.height, 0.6), dst=light)
        for draw in FURNITURE:
            draw(Canvas(light))
        vignette = 1 - 0.35 * ((columns - 0.5 * self.width / self.height) ** 2 + (rows - 0.5) ** 2)
        return np.asarray(light * vignette[..., None], np.float32)

    def _tile_the_wall(self, light: Light) -> None:
        size = 0.115 * self.height
        for row in np.arange(0.70 * self.height, 0, -size):
            y = round(row)
            light[max(y - 1, 0) : y + 1] *= 0.80
            light[y + 1 : y + 2] *= 1.10
        top = round(0.70 * self.height)
        for column in np.arange(self.width / 2 % size, self.width, size):
            x = round(column)
            light[:top, max(x - 1, 0) : x + 1] *= 0.80
            light[:top, x + 1 : x + 2] *= 1.10

    def _draw_bubbles(self, canvas: Canvas, seconds: float) -> None:
        for across, start, pace, size in self._bubbles:
            way = (start + seconds * (0.10 + 0.16 * pace)) % 1
            y = 0.872 - 0.205 * way
            x = -0.062 + 0.186 * across + 0.004 * math.sin(9 * way + 20 * across)
            radius = max((0.0025 + 0.0045 * size) * (0.6 + 0.4 * way) * self.height, 1)
            place = (round((self.width / 2 + x * self.height) * 2**FINE), round(y * self.height * 2**FINE))
            cv2.circle(canvas.pixels, place, round(radius * 2**FINE), (246, 214, 150), 1, cv2.LINE_AA, FINE)
            cv2.circle(canvas.pixels, place, round(0.35 * radius * 2**FINE), (255, 238, 200), -1, cv2.LINE_AA, FINE)


def _draw_vortex(canvas: Canvas, seconds: float) -> None:
    turn = 360 * (seconds * 1.7 % 1)
    centre = canvas.at(-0.36, 0.674)
    for ring, strength in ((0.060, 40), (0.042, 55), (0.024, 70)):
        _glow_arc(canvas, centre, ring, turn * (1 + ring * 6), strength)
    bar = math.cos(math.radians(turn)) * 0.05
    middle, ends = canvas.at(-0.36, 0.779), (canvas.at(-0.36 - bar, 0.779), canvas.at(-0.36 + bar, 0.779))
    cv2.line(canvas.pixels, ends[0], ends[1], (226, 232, 236), canvas.px(0.011), cv2.LINE_AA)
    cv2.circle(canvas.pixels, middle, canvas.px(0.005), (196, 204, 210), -1, cv2.LINE_AA)
    lit = 255 if seconds % 1 < 0.5 else 70
    cv2.circle(canvas.pixels, canvas.at(-0.27, 0.842), canvas.px(0.006), (60, lit, 90), -1, cv2.LINE_AA)


def _glow_arc(canvas: Canvas, centre: tuple[int, int], ring: float, turn: float, strength: int) -> None:
    axes = canvas.size(ring, ring * 0.16)
    cv2.ellipse(
        canvas.pixels, centre, axes, 0, turn, turn + 150, (150 + strength, 190 + strength // 2, 245), 1, cv2.LINE_AA
    )


def _draw_reading(canvas: Canvas, seconds: float) -> None:
    """The thermometer's display, tenths of a degree."""
    tenths = round(10 * (36.8 + 1.4 * math.sin(seconds / 47) + 0.3 * math.sin(seconds / 5.3)))
    high, wide = 0.040, 0.020
    for place, digit in enumerate(f"{tenths:03d}"):
        x, y = 0.305 + 0.036 * place, 0.902
        for name in SEGMENTS[digit]:
            x1, y1, x2, y2 = BARS[name]
            ends = canvas.at(x + x1 * wide, y + y1 * high), canvas.at(x + x2 * wide, y + y2 * high)
            cv2.line(canvas.pixels, *ends, (20, 26, 18), canvas.px(0.0045), cv2.LINE_AA)
    cv2.circle(canvas.pixels, canvas.at(0.369, 0.944), canvas.px(0.003), (20, 26, 18), -1, cv2.LINE_AA)
    cv2.circle(canvas.pixels, canvas.at(0.415, 0.906), canvas.px(0.004), (20, 26, 18), 1, cv2.LINE_AA)


# Shapes
