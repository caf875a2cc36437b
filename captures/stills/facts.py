"""What the metadata of a still say, whatever its format: one set of facts for EXIF, XMP and FITS."""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from cameras.drivers.base import Exposure, Identity
from cameras.spool.records import ClockState, Plan

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StillFacts:
    """None and empty texts: unknown. Numbers are finite. Times are UTC."""

    capture: str
    camera: str
    started: datetime
    ended: datetime
    simulated: bool
    vendor: str
    model: str
    serial: str
    exposure_s: float | None
    gain: float | None
    iso: float | None
    f_number: float | None
    temperature_celsius: float | None
    clock: ClockState
    latitude: float | None
    """Degrees, north positive."""
    longitude: float | None
    """Degrees, east positive."""
    elevation: float | None
    """Metres above sea level."""

    @property
    def place(self) -> tuple[float | None, float | None, float | None]:
        """Latitude, longitude and elevation; none of them without both coordinates: an elevation alone is that of no
        place, and the configuration has 0 where none was written."""
        has_place = self.latitude is not None and self.longitude is not None
        return (self.latitude, self.longitude, self.elevation) if has_place else (None, None, None)

    @property
    def software(self) -> str:
        return f"Skycam {skycam_version()}"


@functools.cache
def skycam_version() -> str:
    return version("skycam")


def facts_of(
    plan: Plan, exposure: Exposure, identity: Identity, clock: ClockState, site: Mapping[str, Any]
) -> StillFacts:
    """`site`: that of the spec."""
    actual = exposure.actual
    exposure_us = finite(actual.get("exposure_us"))
    return StillFacts(
        capture=plan["id"],
        camera=plan["slug"],
        started=moment(exposure.started_ns),
        ended=moment(exposure.ended_ns),
        simulated=exposure.simulated,
        vendor=one_line(identity.vendor),
        model=one_line(identity.model),
        serial=one_line(identity.serial),
        exposure_s=None if exposure_us is None else exposure_us / 1e6,
        gain=finite(actual.get("gain")),
        iso=finite(actual.get("iso")),
        f_number=finite(actual.get("f_number")),
        temperature_celsius=finite(exposure.temperature_celsius),
        clock=clock,
        latitude=finite(site.get("latitude")),
        longitude=finite(site.get("longitude")),
        elevation=finite(site.get("elevation")),
    )


def moment(nanoseconds: int) -> datetime:
    """Exact to the microsecond, unlike a float of seconds."""
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)


def finite(number: float | None) -> float | None:
    """None for what is no number: the formats have no value for it."""
    return number if isinstance(number, int | float) and math.isfinite(number) else None


def one_line(text: str) -> str:
    """Without the control characters that a camera's USB descriptor may contain."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def ascii_text(text: str) -> str:
    """The printable text in ASCII: letters without their accents, other characters left out."""
    return one_line(unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode())
