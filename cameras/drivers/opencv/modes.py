"""The sizes and frame rates of a device, by pixel format."""

from __future__ import annotations

from dataclasses import dataclass

from cameras.drivers.base import SettingRange
from cameras.drivers.opencv.v4l2 import Node, Rates, Span

READABLE = (
    "BGR3", "RGB3", "YV12", "YU12", "411P", "YUYV", "UYVY", "NV12", "NV21", "BA81", "GBRG", "MJPG", "JPEG",
    "Y16 ", "Y10 ", "GREY",
)  # fmt: skip
"""The pixel formats that OpenCV reads, in its order: compressed formats only where no other has the mode."""
UNITS = {"width": "px", "height": "px", "fps": "1/s"}


@dataclass(frozen=True, slots=True)
class Mode:
    """`rates` are those of the size, or of the smallest size where sizes are stepwise."""

    pixels: str
    widths: Span
    heights: Span
    rates: Rates


@dataclass(frozen=True, slots=True)
class Picture:
    """One size in one pixel format; `pixels` is empty if the device lists none."""

    width: int
    height: int
    pixels: str = ""


class Modes:
    """The modes of a device, read once when it is opened. Raises OSError."""

    def __init__(self, node: Node) -> None:
        formats = node.formats()
        self.all = [mode for pixels in READABLE if pixels in formats for mode in _modes(node, pixels)]

    def ranges(self) -> dict[str, SettingRange]:
        return {
            "width": _range("width", [mode.widths for mode in self.all]),
            "height": _range("height", [mode.heights for mode in self.all]),
            "fps": _rate_range([mode.rates for mode in self.all]),
        }

    def nearest(self, width: int, height: int, fps: float) -> Picture:
        """The nearest size, in the pixel format with the nearest rate, in OpenCV's order."""
        if not self.all:
            return Picture(width, height)

        def misfit(mode: Mode) -> tuple[float, float]:
            off = abs(mode.widths.nearest(width) - width) + abs(mode.heights.nearest(height) - height)
            # A device that lists no rates is assumed to reach the requested one.
            return off, max(0.0, fps - max(mode.rates.values, default=fps))

        # min() returns the first of equals, so READABLE's order decides between them.
        best = min(self.all, key=misfit)
        return Picture(best.widths.nearest(width), best.heights.nearest(height), best.pixels)


def _modes(node: Node, pixels: str) -> list[Mode]:
    return [
        Mode(pixels, widths, heights, node.rates(pixels, widths.least, heights.least))
        for widths, heights in node.sizes(pixels)
    ]


def _range(name: str, spans: list[Span]) -> SettingRange:
    """Choices, or minimum and maximum where sizes are stepwise."""
    if all(span.least == span.most for span in spans):
        return SettingRange(UNITS[name], choices=sorted({span.least for span in spans}) or None)
    least, most = min(span.least for span in spans), max(span.most for span in spans)
    return SettingRange(UNITS[name], minimum=least, maximum=most, step=max(1, min(span.step for span in spans)))


def _rate_range(found: list[Rates]) -> SettingRange:
    values = sorted({value for rates in found for value in rates.values})
    if values and any(rates.between for rates in found):
        return SettingRange(UNITS["fps"], minimum=values[0], maximum=values[-1])
    return SettingRange(UNITS["fps"], choices=values or None)
