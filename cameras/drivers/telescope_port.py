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
    @property
    def immovable(self) -> str:
        """Why nothing moves it, as the end of a sentence; empty if something does."""

    def move(self, pointing: Pointing, deadline: float) -> list[str]:
        """Move it, and return once it is there. Sentences about what could not be moved; raises nothing but Aborted."""

    def header_words(self, deadline: float) -> tuple[dict[str, str], str]:
        """The FITS words that say where it is, and sentences about what is unknown."""

    def set_site(self, latitude: float | None, longitude: float | None, elevation: float) -> None:
        """It stands here from now on; as `Driver.set_site`."""


class NoTelescope:
    """Of a camera whose telescope is not configured."""

    immovable = "`telescopes` does not configure it."

    def move(self, pointing: Pointing, deadline: float) -> list[str]:
        return [] if pointing == Pointing() else [f"The telescope was not moved: {self.immovable}"]

    def header_words(self, deadline: float) -> tuple[dict[str, str], str]:
        return {}, ""

    def set_site(self, latitude: float | None, longitude: float | None, elevation: float) -> None:
        return None
