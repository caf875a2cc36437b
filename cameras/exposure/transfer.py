"""From values as recorded to light, and back. Fractions of full scale."""

from __future__ import annotations

from typing import Literal

Transfer = Literal["linear", "srgb"]
"""How a camera records light: `linear` for a sensor's own values, `srgb` for pictures that are made to be seen."""


def to_linear(recorded: float, transfer: Transfer) -> float:
    """Source: IEC 61966-2-1, the transfer function of sRGB."""
    if transfer == "linear":
        return recorded
    return recorded / 12.92 if recorded <= 0.04045 else float(((recorded + 0.055) / 1.055) ** 2.4)


def from_linear(light: float, transfer: Transfer) -> float:
    if transfer == "linear":
        return light
    return light * 12.92 if light <= 0.0031308 else float(1.055 * light ** (1 / 2.4) - 0.055)
