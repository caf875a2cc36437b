"""The sky over a site: when the Sun is low and the Moon does not disturb, one night of it for people, and its light
and hours as parts of a drawing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import groupby

from core.sky.bodies import Place, moon_phase, moon_place, sun_place
from core.sky.horizon import intervals_hidden, intervals_set
from core.sky.intervals import (
    STEP,
    TWILIGHTS,
    Interval,
    clip,
    intervals_below,
    moon_speed,
    subtract,
    sun_speed,
    union,
)
from scheduler.planning.clocks import DAY, utc_of_clock
from scheduler.planning.rules import MoonRule, Site

NOON = datetime(2000, 1, 1, 12, tzinfo=UTC)
PHASE_AN_HOUR = 0.01
"""The lit share of the Moon's disc changes more slowly: at most by 0.0057 an hour."""
PLACES = 8000
"""Of each body, in memory: about 4 MB together."""

# A place of the Sun takes 15 µs and one of the Moon 40 µs. Most limits ask for the same times, and so do the previews
# of a form that is being filled in, and the plans of each minute.
known_sun_place = lru_cache(maxsize=PLACES)(sun_place)
known_moon_place = lru_cache(maxsize=PLACES)(moon_place)


class SkyOfSite:
    """The intervals of a site, each computed once: those of the Sun for days from mean noon to mean noon.

    An object belongs to one plan: it grows with each new day and rule, and is not for several threads. ValueError for a
    site without coordinates.
    """

    def __init__(self, site: Site) -> None:
        if site.latitude is None or site.longitude is None:
            raise ValueError("The site has no latitude and longitude.")
        self.site = site
        at = (site.latitude, site.longitude, site.elevation)
        self.sun_place: Callable[[datetime], Place] = lambda time: known_sun_place(time, *at)
        self.moon_place: Callable[[datetime], Place] = lambda time: known_moon_place(time, *at)
        self._noon = NOON - timedelta(hours=site.longitude / 15)
        self._sun_speed, self._moon_speed = sun_speed(site.latitude), moon_speed(site.latitude)
        # Not by days: only in windows, which are a part of them. Cameras of one schedule have the same windows.
        self._moon_low = cache(self._compute_moon_low)
        self._known: dict[tuple[str, float, int], list[Interval]] = {}

    def sun_below(self, altitude: float, begin: datetime, end: datetime) -> list[Interval]:
        """When the Sun's centre is at or below `altitude`, in degrees."""

        def of_day(first: datetime, last: datetime) -> list[Interval]:
            return intervals_below(lambda at: self.sun_place(at).altitude, altitude, first, last, self._sun_speed)

        return self._joined("sun", altitude, of_day, begin, end)

    def sun_set(self, begin: datetime, end: datetime) -> list[Interval]:
        """When the Sun has set behind the horizon mask."""

        def of_day(first: datetime, last: datetime) -> list[Interval]:
            return intervals_set(self.sun_place, self.site.horizon, first, last, self._sun_speed)

        return self._joined("sun set", 0.0, of_day, begin, end)

    def moon_set(self, begin: datetime, end: datetime) -> list[Interval]:
        """When the Moon has set behind the horizon mask."""

        def of_day(first: datetime, last: datetime) -> list[Interval]:
            return intervals_set(self.moon_place, self.site.horizon, first, last, self._moon_speed)

        return self._joined("moon set", 0.0, of_day, begin, end)

    def moon_bright(self, rule: MoonRule, begin: datetime, end: datetime) -> list[Interval]:
        """When the sky is not dark by `rule`."""
        bright = [(begin, end)]
        if rule.max_phase is not None:
            bright = subtract(bright, self._moon_thin(rule.max_phase, begin, end))
        if rule.max_altitude is not None:
            low = [self._moon_low(rule.max_altitude, *one) for one in bright]
            bright = subtract(bright, union(*low))
        return bright

    def _moon_thin(self, max_phase: float, begin: datetime, end: datetime) -> list[Interval]:
        def of_day(first: datetime, last: datetime) -> list[Interval]:
            return intervals_below(moon_phase, max_phase, first, last, PHASE_AN_HOUR)

        return self._joined("moon thin", max_phase, of_day, begin, end)

    def _compute_moon_low(self, max_altitude: float, begin: datetime, end: datetime) -> list[Interval]:
        return intervals_hidden(self.moon_place, self.site.horizon, max_altitude, begin, end, self._moon_speed)

    def _joined(
        self,
        what: str,
        limit: float,
        of_day: Callable[[datetime, datetime], list[Interval]],
        begin: datetime,
        end: datetime,
    ) -> list[Interval]:
        """Day by day, so that a night has the same intervals in every plan, whatever its span."""
        found: list[list[Interval]] = []
        for number in range((begin - self._noon) // DAY, -((self._noon - end) // DAY)):
            key = (what, limit, number)
            if key not in self._known:
                self._known[key] = of_day(self._noon + number * DAY, self._noon + (number + 1) * DAY)
            found.append(self._known[key])
        return clip(union(*found), begin, end)


@dataclass(frozen=True, slots=True)
class TwilightTimes:
    """In UTC. None where the Sun does not pass: its altitudes in `NightSky` say on which side it stays.

    Sunset and sunrise are those of the upper edge behind the horizon mask. Where the Sun passes more than twice, the
    longest time below counts.
    """

    sunset: datetime | None
    civil_dusk: datetime | None
    nautical_dusk: datetime | None
    astronomical_dusk: datetime | None
    astronomical_dawn: datetime | None
    nautical_dawn: datetime | None
    civil_dawn: datetime | None
    sunrise: datetime | None


@dataclass(frozen=True, slots=True)
class NightSky:
    begin: datetime
    """Mean noon."""
    end: datetime
    twilight: TwilightTimes
    moonrise: datetime | None
    """The first in the night, and None where it does not rise; of the upper edge, above the horizon mask."""
    moonset: datetime | None
    moon_up: tuple[Interval, ...]
    moon_phase: float
    """The lit share of its disc at the local midnight, from 0 to 1."""
    sun_altitudes: tuple[tuple[datetime, float], ...]
    """Of the Sun's centre in degrees, every 10 minutes and at the end."""


# A page asks several times for the same night, and again at its next refresh.
@lru_cache(maxsize=64)
def sky_of_night(site: Site, night: date) -> NightSky:
    """The Sun and the Moon from noon to noon. ValueError for a site without coordinates or a date that the clocks of
    the site skipped."""
    sky = SkyOfSite(site)
    begin, end = site.night_range(night)
    if begin >= end:
        raise ValueError(f"The clocks of {site.time_zone} skipped {night}.")
    up = subtract([(begin, end)], sky.moon_set(begin, end))
    return NightSky(
        begin=begin,
        end=end,
        twilight=_twilight_times(sky, begin, end),
        moonrise=next((first for first, _ in up if first != begin), None),
        moonset=next((last for _, last in up if last != end), None),
        moon_up=tuple(up),
        moon_phase=moon_phase(utc_of_clock(night + DAY, time(), site.zone)),
        sun_altitudes=tuple((at, sky.sun_place(at).altitude) for at in _every_step(begin, end)),
    )


def _twilight_times(sky: SkyOfSite, begin: datetime, end: datetime) -> TwilightTimes:
    def passages(below: list[Interval]) -> tuple[datetime | None, datetime | None]:
        first, last = max(below, key=lambda one: one[1] - one[0], default=(begin, end))
        return (first if first != begin else None), (last if last != end else None)

    sunset, sunrise = passages(sky.sun_set(begin, end))
    (civil_dusk, civil_dawn), (nautical_dusk, nautical_dawn), (astronomical_dusk, astronomical_dawn) = (
        passages(sky.sun_below(TWILIGHTS[name], begin, end)) for name in ("civil", "nautical", "astronomical")
    )
    return TwilightTimes(
        sunset=sunset,
        civil_dusk=civil_dusk,
        nautical_dusk=nautical_dusk,
        astronomical_dusk=astronomical_dusk,
        astronomical_dawn=astronomical_dawn,
        nautical_dawn=nautical_dawn,
        civil_dawn=civil_dawn,
        sunrise=sunrise,
    )


def _every_step(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + number * STEP for number in range((end - begin) // STEP)] + [end]


WIDTH = 1000.0
"""Of the drawing, in its own units."""
MARGIN = timedelta(hours=1)
"""Before sunset and after sunrise."""
LIGHTS = ((-0.833, "day"), (-6.0, "civil"), (-12.0, "nautical"), (-18.0, "astronomical"))
"""Altitude of the Sun in degrees -> the light above it."""


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the drawing; `x` and `width` in units of WIDTH."""

    kind: str
    x: float
    width: float
    title: str = ""


@dataclass(frozen=True, slots=True)
class Hour:
    x: float
    at: datetime


def lights_of(sky: NightSky) -> Iterable[tuple[str, datetime, datetime]]:
    """Light, begin and end, by the sampled altitudes of the Sun."""
    samples = [(at, light_of(altitude)) for at, altitude in sky.sun_altitudes]
    for light, group in groupby(samples, key=lambda one: one[1]):
        times = [at for at, _ in group]
        yield light, times[0], times[-1] + (samples[1][0] - samples[0][0])


def light_of(altitude: float) -> str:
    return next((name for limit, name in LIGHTS if altitude > limit), "dark")


def clipped(intervals: Iterable[Interval], begin: datetime, end: datetime) -> list[Interval]:
    return [(max(first, begin), min(last, end)) for first, last in intervals if first < end and last > begin]
