"""An exposure in the memory of the simulated controllers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulatedImage:
    number: int
    """1 for the first since the controllers were started."""
    file_root: str
    shutter: bool
    exposure_s: float
    started_ns: int
    """Nanoseconds since 1970, UTC."""
    words: Mapping[str, str]
    """The header words that were given before the exposure."""
