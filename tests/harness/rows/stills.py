"""Stills in memory: their facts and pixels, and their files as the formats write them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from cameras.spool.records import ClockState
from captures.stills.facts import StillFacts
from captures.stills.formats import FORMATS, Encoding

STARTED = datetime(2027, 1, 15, 20, 0, 0, 123456, UTC)
CLOCK = ClockState(clock="synchronised", clock_offset_s=0.000125, clock_error_s=0.002, clock_jumped_s=0.0)
FACTS = StillFacts(
    capture="0193b000-0000-7000-8000-000000000001", camera="dome", started=STARTED,
    ended=STARTED + timedelta(seconds=8.5), simulated=False, vendor="Nikon", model="Z 9", serial="6001234",
    exposure_s=8.0, gain=2.5, iso=1600, f_number=1.4, temperature_celsius=-3.5, clock=CLOCK,
    latitude=-33.45, longitude=-70.66, elevation=2400.0,
)  # fmt: skip
SHAPES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "mono 8": (np.uint8, (90, 120)),
    "mono 16": (np.uint16, (91, 121)),
    "colour 8": (np.uint8, (90, 120, 3)),
    "colour 16": (np.uint16, (91, 121, 3)),
}


def picture(form: str) -> Any:
    """A picture whose pixels have all values of its type, so that no bit can be lost unnoticed."""
    kind, shape = SHAPES[form]
    found = np.random.default_rng(1).integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
    found.ravel()[:2] = 0, np.iinfo(kind).max
    return found


def write_still(folder: Path, kind: str, image: Any, compression: str = "none", **facts: Any) -> Path:
    """The file of this kind, with FACTS and what differs from them."""
    return write_encoded(folder, kind, image, Encoding(replace(FACTS, **facts), fits_compression=compression))


def write_encoded(folder: Path, kind: str, image: Any, encoding: Encoding) -> Path:
    path = folder / f"still{FORMATS[kind].suffix}"
    path.write_bytes(b"".join(FORMATS[kind].encode(image, encoding)))
    return path
