"""What a camera driver needs of the telescope on which its camera stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Pointing:
    """Where the telescope should be for an exposure. None leaves it as it is."""

    place: tuple[float, float] | None = None
    """Right ascension in hours and declination in degrees, of the equinox that the mount uses."""
    focus: float | None = None
    filter_name: str | None = None


class Telescope(Protocol):
    def move(self, pointing: Pointing, deadline: float) -> list[str]:
        """Move it, and return once it is there. Sentences about what could not be moved; raises nothing but Aborted."""

    def header_words(self, deadline: float) -> tuple[dict[str, str], str]:
        """The FITS words that say where it is, and sentences about what is unknown."""


class NoTelescope:
    """Of a camera whose telescope is not configured."""

    def move(self, pointing: Pointing, deadline: float) -> list[str]:
        return [] if pointing == Pointing() else ["The telescope was not moved: `telescopes` does not configure it."]

    def header_words(self, deadline: float) -> tuple[dict[str, str], str]:
        return {}, ""
