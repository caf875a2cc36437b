"""The forecast of a session before it starts: interval, number of pictures and bytes, in words and figures."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from cameras.capture_options import check_options
from cameras.models import Camera
from cameras.programmes.kinds import cycle_of, describe_exposures
from cameras.spool.records import Programme
from captures.capturing.models import Capture
from captures.roots.roots import UnusableRoot, root_of
from captures.sessions.models import MAX_SESSION
from core.templatetags.skycam import duration, format_bytes
from core.text.sentences import pluralize, sentence
from core.times.durations import format_exposure

# Its models take 10 ms to build, and `skycam tonight` needs none.
if TYPE_CHECKING:
    from captures.sessions.requests import SessionRequest

RECENT = 20
"""Number of the camera's newest saved captures from which size and time of a picture are estimated."""
HOUR_S = 3600.0
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class RecentPictures:
    """Statistics of a camera's newest saved captures: mean bytes of all files of a capture, and median seconds from the
    end of the exposure until the picture is saved. None without such captures."""

    bytes: float | None = None
    beyond_s: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """An estimate of a session that starts at `starts`. Sizes in bytes, times in seconds; None: unknown or endless."""

    programme: dict[str, Any]
    starts: datetime
    exposures_us: tuple[int, ...]
    """Of one cycle, as the camera will use them."""
    interval_s: float
    """From the start of a cycle to that of the next."""
    measured: bool
    """Whether `interval_s` includes the measured time between exposure and saving."""
    pictures: int | None = None
    bytes_per_picture: int | None = None
    ends: datetime | None = None
    free_bytes: int | None = None
    zone: tzinfo = UTC
    warnings: list[str] = field(default_factory=list)

    @property
    def exposure_us(self) -> int:
        """The first of them."""
        return self.exposures_us[0]

    @property
    def pictures_per_hour(self) -> float:
        """While it captures, not while it waits for a window."""
        return len(self.exposures_us) * HOUR_S / self.interval_s

    @property
    def bytes_per_hour(self) -> int | None:
        return None if self.bytes_per_picture is None else round(self.bytes_per_picture * self.pictures_per_hour)

    @property
    def bytes(self) -> int | None:
        if self.bytes_per_picture is None or self.pictures is None:
            return None
        return self.bytes_per_picture * self.pictures

    @property
    def full_in_s(self) -> int | None:
        """Seconds until the disk is full, if nothing else is written; None when the session ends before that."""
        if not self.bytes_per_hour or self.free_bytes is None:
            return None
        if self.bytes is not None and self.bytes <= self.free_bytes:
            return None
        return round(self.free_bytes / self.bytes_per_hour * HOUR_S)

    @property
    def sentence(self) -> str:
        """`8 s every 12 s until stopped, about 300 pictures an hour, 7 GB an hour.`"""
        about = self._accuracy
        if self.pictures is None:
            rate, per = (1, "an hour") if self.pictures_per_hour >= 2 else (24, "a day")
            amounts = f"{about} {pluralize(rounded(self.pictures_per_hour * rate), 'picture')} {per}"
            size = self._size_text(self.bytes_per_hour, rate, f" {per}")
            return f"{self._interval_text()} until stopped, {amounts}{size}"
        pictures = pluralize(self.pictures, "picture")
        if self.pictures == self.programme.get("count"):
            return f"{self._interval_text()}, {pictures}{self._end_text('about ')}{self._size_text(self.bytes)}"
        return f"{self._interval_text()}{self._end_text()}, {about} {pictures}{self._size_text(self.bytes)}"

    @property
    def _accuracy(self) -> str:
        if "control" in self.programme and "cadence_s" not in self.programme:
            return "at least"
        return "about" if self.measured else "at most"

    def _interval_text(self) -> str:
        exposure = self._exposures_text()
        if "cadence_s" in self.programme:
            return f"{exposure} every {length(self.programme['cadence_s'])}"
        delay_s = self.programme["delay_s"]
        return f"{exposure} with pauses of {length(delay_s)}" if delay_s else f"{exposure} without a pause"

    def _exposures_text(self) -> str:
        used = {**self.programme, "exposure_us": self.exposures_us[0]}
        if "control" in used:
            return describe_exposures(cast(Programme, self.programme))
        if "exposures_us" in used or "ev_steps" in used:
            return ", ".join(format_exposure(exposure_us) for exposure_us in self.exposures_us)
        return describe_exposures(cast(Programme, used))

    def _end_text(self, about: str = "") -> str:
        if self.ends is None:
            return ""
        local = self.ends.astimezone(self.zone)
        return f" until {about}{local:%Y-%m-%d %H:%M} {local.tzname()}"

    @staticmethod
    def _size_text(size: int | None, rate: int = 1, per: str = "") -> str:
        if size is None:
            return "; the size of a picture is not known yet."
        return f", {format_bytes(rounded(float(size * rate)))}{per}."


def forecast(camera: Camera, request: SessionRequest, *, zone: tzinfo | None = None) -> Forecast:
    """The forecast of the session `request` on `camera`, if it starts now. `zone`: the time zone of its sentence, by
    default the reader's. ValidationError for an option that the camera does not take."""
    check_options(camera, request.options)
    programme = request.programme(camera)
    starts, recent = timezone.now(), recent_pictures(camera)
    usable = [usable_exposure(camera, shot["exposure_us"]) for shot in _shots(programme)]
    exposures_us, warnings = tuple(used for used, _ in usable), [text for _, texts in usable for text in texts]
    takes_s = sum(exposures_us) / 1e6 + len(exposures_us) * (recent.beyond_s or 0.0)
    interval_s, slow = _interval(programme, takes_s, len(exposures_us))
    pictures, ends = _end(programme, starts, interval_s, takes_s, len(exposures_us))
    found = Forecast(
        programme=programme,
        starts=starts,
        exposures_us=exposures_us,
        interval_s=interval_s,
        measured=recent.beyond_s is not None or "cadence_s" in programme,
        pictures=pictures,
        bytes_per_picture=None if recent.bytes is None else round(recent.bytes),
        ends=ends,
        free_bytes=free_bytes(camera),
        zone=zone or timezone.get_current_timezone(),
        warnings=[*dict.fromkeys(warnings), *slow],
    )
    found.warnings.extend(_disk_warnings(found))
    return found


@dataclass(frozen=True, slots=True)
class Amount:
    """The captures that a programme is expected to make. `bytes` is None while the size of a picture is unknown."""

    pictures: int
    bytes: int | None


def expected_amount(
    camera: Camera,
    programme: dict[str, Any],
    windows: Sequence[tuple[datetime, datetime]],
    recent: RecentPictures | None = None,
) -> Amount:
    """What the programme makes of these windows, by the time and size of the camera's recent pictures: `recent`, if
    they are known already."""
    recent = recent or recent_pictures(camera)
    exposures_us = [usable_exposure(camera, shot["exposure_us"])[0] for shot in _shots(programme)]
    takes_s = sum(exposures_us) / 1e6 + len(exposures_us) * (recent.beyond_s or 0.0)
    interval_s, _ = _interval(programme, takes_s, len(exposures_us))
    lengths_s = [(end - begin).total_seconds() for begin, end in windows]
    # A start at the end of a window is outside of it.
    pictures = sum(len(exposures_us) * math.ceil(length_s / interval_s) for length_s in lengths_s)
    limited = min(pictures, programme.get("count", pictures))
    return Amount(limited, None if recent.bytes is None else round(limited * recent.bytes))


def _shots(programme: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The exposures of a cycle; of automatic exposure the longest: more pictures are not promised."""
    control = programme.get("control")
    chosen = {"exposure_us": control["exposure_us"][1]} if control else None
    return cycle_of(cast(Programme, programme), chosen).shots


def recent_pictures(camera: Camera) -> RecentPictures:
    saved = Capture.objects.filter(camera=camera, status=Capture.Status.SAVED).order_by("-started_at", "-id")
    rows = list(saved[:RECENT])
    sizes = [size for size in saved.annotate(size=Sum("files__bytes")).values_list("size", flat=True)[:RECENT] if size]
    beyond = [
        max(0.0, (row.ended_at - row.started_at).total_seconds() - row.exposure_us / 1e6)  # a clock that was set back
        for row in rows
        if row.ended_at and row.exposure_us
    ]
    return RecentPictures(fmean(sizes) if sizes else None, median(beyond) if beyond else None)


def usable_exposure(camera: Camera, exposure_us: int) -> tuple[int, list[str]]:
    """The nearest exposure within the camera's range, and a warning if it differs."""
    limits = camera.capabilities.get("settings", {}).get("exposure_us", {})
    least, most = limits.get("minimum"), limits.get("maximum")
    nearest = exposure_us
    if most is not None:
        nearest = min(nearest, int(most))
    if least is not None:
        nearest = max(nearest, math.ceil(least))
    if nearest == exposure_us:
        return exposure_us, []
    warning = sentence(
        "{camera} cannot expose for {wanted}; it will use {nearest}.",
        camera=camera, wanted=format_exposure(exposure_us), nearest=format_exposure(nearest),
    )  # fmt: skip
    return nearest, [warning]


def free_bytes(camera: Camera) -> int | None:
    """Free bytes of the root of the camera's captures; None when it is on another host or not mounted."""
    if camera.host != settings.STATION.host:
        return None
    try:
        return shutil.disk_usage(root_of(camera)["path"]).free
    except (UnusableRoot, OSError):
        return None


def _interval(programme: dict[str, Any], takes_s: float, captures: int) -> tuple[float, list[str]]:
    """Seconds from start to start of a cycle of `captures`, and a warning if the cadence is too short for it."""
    if "cadence_s" not in programme:
        return max(0.001, takes_s + float(programme["delay_s"])), []
    cadence_s = float(programme["cadence_s"])
    # The tolerance: a picture that takes exactly one cadence misses no start, whatever the division rounds to.
    starts = math.ceil(takes_s / cadence_s - 1e-9)
    if starts <= 1:
        return cadence_s, []
    what = "A picture takes" if captures == 1 else f"The {captures} pictures of a cycle take"
    warning = f"{what} about {length(takes_s)}, longer than the {length(cadence_s)} from start to start:"
    return cadence_s * starts, [f"{warning} the starts in between are skipped."]


def _end(
    programme: dict[str, Any], starts: datetime, interval_s: float, takes_s: float, captures: int
) -> tuple[int | None, datetime | None]:
    """The number of pictures, and when the last is saved or the programme ends; None and None without an end.
    `captures`: those of one cycle."""
    count, spans = programme.get("count"), _spans(programme, starts)
    limits = [int(count)] if count is not None else []
    if spans:
        limits.append(sum(captures * _cycles_within(begin, end, interval_s) for begin, end in spans))
    if not limits:
        return None, None
    pictures = min(limits)
    if count is None or pictures < int(count):
        return pictures, spans[-1][1]
    if "windows" in programme:
        return pictures, None
    lasts_s = (math.ceil(pictures / captures) - 1) * interval_s + takes_s
    # `count` times `cadence_s` may be 27,000 years, which is no datetime.
    return pictures, starts + timedelta(seconds=lasts_s) if lasts_s < MAX_SESSION.total_seconds() else None


def _spans(programme: dict[str, Any], starts: datetime) -> list[tuple[datetime, datetime]]:
    """When the session captures, begin and end; empty without an end."""
    if "windows" in programme:
        return [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in programme["windows"]]
    return [(starts, datetime.fromisoformat(programme["until"]))] if programme.get("until") else []


def _cycles_within(begin: datetime, end: datetime, interval_s: float) -> int:
    return math.floor(max(0.0, (end - begin).total_seconds()) / interval_s) + 1  # 1 more: the first starts at once


def _disk_warnings(found: Forecast) -> list[str]:
    if found.full_in_s is None or found.free_bytes is None:
        return []
    if found.pictures is not None:
        needs = format_bytes(rounded(float(found.bytes or 0)))
        return [f"The disk has room for {format_bytes(found.free_bytes)}, and the session needs about {needs}."]
    if found.full_in_s > DAY_S:
        return []
    return [f"The disk has {format_bytes(found.free_bytes)} free and is full after about {duration(found.full_in_s)}."]


def length(seconds: float) -> str:
    """A duration as text: 12 s, 250 ms; from two minutes, 5 min or 1 h 30 min."""
    whole = round(seconds)
    if seconds < 120 or abs(seconds - whole) > 1e-9 or whole % 60:
        return format_exposure(round(seconds * 1e6))
    hours, minutes = divmod(whole // 60, 60)
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{minutes} min"] if minutes else [])])


def rounded(value: float) -> float:
    """Rounded to two significant digits, or to an integer: an estimate is no more precise."""
    if value < 10:
        return round(value)
    digits = 1 - math.floor(math.log10(value))
    return round(value, min(0, digits))
