"""A night of a telescope: when the Sun is low, and where the Moon stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from core.sky.bodies import moon_phase
from core.sky.equatorial import Equatorial, moon_direction
from core.sky.horizon import horizon_dip
from core.sky.intervals import TWILIGHTS, sun_intervals
from scheduler.telescope.night.sky import TelescopeSite, julian_date

DAY = timedelta(days=1)
SHORTEST_OBSERVATION_D = 0.029 / 24
"""The dark part of a night ends by this time before the morning twilight, and a field may be observed by this time
before its interval is over."""


@dataclass(frozen=True, slots=True)
class Night:
    """Times are Julian dates (UTC). Where the Sun does not pass an altitude, both times of it are the same: midnight
    where it stays above, and the noons before and after where it stays below."""

    date: date
    """Of its evening, by the mean time of the site."""
    site: TelescopeSite
    sunset: float
    begin: float
    """The Sun passes 12° below the horizon."""
    end: float
    """SHORTEST_OBSERVATION_D before it passes it again."""
    sunrise: float
    midnight: float
    """By the mean time of the site."""
    moon: Equatorial
    """At midnight, as seen from the site, of the equinox of the date."""
    moon_illumination: float
    """The lit share of its disc at midnight, 0 to 1."""

    @property
    def has_dark_time(self) -> bool:
        return self.begin < self.end


def night_of(site: TelescopeSite, evening: date) -> Night:
    """The night that begins on `evening`, from one mean noon of the site to the next. It takes about 4 ms.

    At sunset and sunrise the centre of the Sun is 0.833° below the horizon of the sea, as it is seen from the height of
    the site: 8 minutes further from noon at La Silla than in almanacs. OverflowError beyond the calendar.
    """
    noon = datetime.combine(evening, time(12), UTC) - timedelta(hours=site.longitude / 15)
    midnight = noon + DAY / 2
    sunset, sunrise = _sun_below(site, TWILIGHTS["sunset"] - horizon_dip(site.elevation), noon)
    begin, end = _sun_below(site, TWILIGHTS["nautical"], noon)
    return Night(
        date=evening,
        site=site,
        sunset=sunset,
        begin=begin,
        end=max(begin, end - SHORTEST_OBSERVATION_D),
        sunrise=sunrise,
        midnight=julian_date(midnight),
        moon=moon_direction(midnight, site.latitude, site.longitude, site.elevation),
        moon_illumination=moon_phase(midnight),
    )


def _sun_below(site: TelescopeSite, limit: float, noon: datetime) -> tuple[float, float]:
    """The longest time in which the Sun is below `limit`; an empty one at midnight if it never is."""
    found = sun_intervals(site.latitude, site.longitude, site.elevation, limit, noon, noon + DAY)
    begin, end = max(found, key=lambda one: one[1] - one[0], default=(noon + DAY / 2, noon + DAY / 2))
    return julian_date(begin), julian_date(end)
