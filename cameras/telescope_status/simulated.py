"""Statuses without an instrument: fixed values, and a simulated telescope, which stands at the zenith until it is
pointed, then slews and tracks. Django-free."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from cameras.telescope_status.sources import (
    SourceContext,
    SourceSettings,
    StatusError,
    StatusSource,
    check_coordinates,
    check_focus,
)
from cameras.telescope_status.status import TEXT_LENGTH, TelescopeStatus, with_sidereal_time
from core.sky.sidereal import hour_angle, local_sidereal_hours
from core.text.names import Line


class FixedSettings(SourceSettings):
    """What is not set is unknown, except the sidereal time and the hour angle, which are computed."""

    lst: float | None = Field(default=None, ge=0, le=24, description="hours")
    ha: float | None = Field(default=None, ge=-12, le=12, description="hours")
    ra: float | None = Field(default=None, ge=0, le=24, description="hours")
    dec: float | None = Field(default=None, ge=-90, le=90, description="degrees")
    focus: float | None = Field(default=None, ge=-1e7, le=1e7)
    filter_name: Line | None = Field(default=None, max_length=TEXT_LENGTH)
    filter_id: Line | None = Field(default=None, max_length=TEXT_LENGTH)


class FixedSource(StatusSource):
    Settings = FixedSettings

    def __init__(self, settings: FixedSettings, context: SourceContext) -> None:
        super().__init__(settings, context)
        self._values = settings.model_dump()

    def read(self, deadline: float) -> TelescopeStatus:
        status = TelescopeStatus(self.now(), **self._values, is_slewing=False, is_adjusting=False)
        return with_sidereal_time(status, self.context.site.longitude)


class SimulatedSettings(SourceSettings):
    slew_deg_per_s: float = Field(default=5.0, ge=0.1, le=360)
    filters: tuple[Line, ...] = Field(default=("g", "r", "i", "z"), min_length=1, max_length=20)


@dataclass(frozen=True, slots=True)
class Slew:
    """From one position to another, along straight lines in hours and degrees."""

    begin: tuple[float, float]
    end: tuple[float, float]
    began: float
    """A monotonic time in seconds."""
    duration_s: float

    def is_running(self, now: float) -> bool:
        return now - self.began < self.duration_s

    def position(self, now: float) -> tuple[float, float]:
        if not self.is_running(now):
            return self.end
        share = (now - self.began) / self.duration_s
        (ra, dec), (end_ra, end_dec) = self.begin, self.end
        return (ra + share * hour_angle(end_ra, ra)) % 24, dec + share * (end_dec - dec)


class SimulatedSource(StatusSource):
    """A `CanPoint`. Its focuser and its filter wheel move at once."""

    Settings = SimulatedSettings

    def __init__(self, settings: SimulatedSettings, context: SourceContext) -> None:
        super().__init__(settings, context)
        self._speed, self._filters = settings.slew_deg_per_s, settings.filters
        self._slew: Slew | None = None
        self._focus, self._filter = 0.0, 0

    def read(self, deadline: float) -> TelescopeStatus:
        now = self.context.clock.monotonic()
        ra, dec = self._position(now)
        status = TelescopeStatus(
            self.now(),
            ra=ra,
            dec=dec,
            focus=self._focus,
            filter_name=self._filters[self._filter],
            filter_id=str(self._filter + 1),
            is_slewing=self._slew is not None and self._slew.is_running(now),
            is_adjusting=False,
        )
        return with_sidereal_time(status, self.context.site.longitude)

    def point(self, ra_hours: float, dec_deg: float, deadline: float) -> None:
        check_coordinates(ra_hours, dec_deg)
        now, end = self.context.clock.monotonic(), (ra_hours % 24, dec_deg)
        ra, dec = self._position(now)
        begin = (end[0] if ra is None else ra, dec)
        way = max(abs(hour_angle(end[0], begin[0])) * 15, abs(dec_deg - dec))
        self._slew = Slew(begin, end, now, way / self._speed)

    def focus(self, position: float, deadline: float) -> None:
        check_focus(position)
        self._focus = position

    def select_filter(self, name: str, deadline: float) -> None:
        ids = {str(number): number - 1 for number in range(1, len(self._filters) + 1)}
        found = self._filters.index(name) if name in self._filters else ids.get(name)
        if found is None:
            raise StatusError(f"The filter wheel has no filter {name!r}; it has {', '.join(self._filters)}.")
        self._filter = found

    def _position(self, now: float) -> tuple[float | None, float]:
        """Right ascension and declination: until it is pointed, those of the zenith."""
        if self._slew is not None:
            return self._slew.position(now)
        site = self.context.site
        ra = None if site.longitude is None else local_sidereal_hours(self.now(), site.longitude)
        return ra, site.latitude or 0.0
