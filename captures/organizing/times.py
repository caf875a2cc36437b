"""When a picture was taken, by its EXIF: the camera's own time, its offset from UTC with where it comes from, and the
time that follows. Django-free."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from PIL import ExifTags

from captures.organizing.findings import NotPlaced, Reason

# A text that has more than a date is none: what follows may change its meaning.
DATE = re.compile(
    r"\s*(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)"
    r"(?:[.,](\d{1,9}))?\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?[\s\0]*",
    re.ASCII | re.IGNORECASE,
)
GPS_DATE = re.compile(r"\s*(\d{4})[:/-](\d\d)[:/-](\d\d)[\s\0]*", re.ASCII)
OFFSET = re.compile(r"[\s\0]*(?:(Z|UTC|GMT)|([+-])(\d\d)(?::?([0-5]\d))?)[\s\0]*", re.ASCII | re.IGNORECASE)
MAX_OFFSET_S = 15 * 3600
ZONE_STEP_S = 900
"""The offsets of all time zones are multiples of it."""
GPS_WITHIN_S = 120
"""How far camera and GPS may differ from such a multiple: a receiver repeats its last time while it sees no
satellite."""
# The date of the exposure, and of the digitization; not the tag DateTime, which editors set.
DATES = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.SubsecTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.SubsecTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
)


class TakenAt(TypedDict):
    """`local` is the camera's own time, ISO 8601 without an offset; `offset_s` is None if the file does not say it.
    `note` is a sentence about an offset that is not the date's own; empty without one."""

    local: str
    offset_s: int | None
    note: str


@dataclass(frozen=True, slots=True)
class ExifDate:
    """`offset_s` is that of the text itself."""

    local: datetime
    offset_s: int | None


def taken_at(details: Mapping[int, Any], place: Mapping[int, Any]) -> TakenAt | None:
    """By the first of EXIF's dates that is one, else by the time of its GPS. `details` and `place` are the directories
    Exif and GPSInfo."""
    gps = gps_time(place)
    for date, fraction, offset in DATES:
        found = parse_date(details.get(date))
        if found is not None:
            local = found.local
            if not local.microsecond:
                local = local.replace(microsecond=parse_fraction(details.get(fraction)))
            offset_s, note = _offset_of(found, parse_offset(details.get(offset)), details, gps)
            return TakenAt(local=local.isoformat(), offset_s=offset_s, note=note)
    if gps is None:
        return None
    note = "Its EXIF has no date of the exposure; the time of its GPS was used."
    return TakenAt(local=gps.isoformat(), offset_s=0, note=note)


def _offset_of(
    date: ExifDate, tagged_s: int | None, details: Mapping[int, Any], gps: datetime | None
) -> tuple[int | None, str]:
    """The offset that a date has, in its text or its tag; else one of the same file, with a sentence that says so."""
    if date.offset_s is not None:
        if tagged_s in {None, date.offset_s}:
            return date.offset_s, ""
        used, other = offset_text(date.offset_s), offset_text(tagged_s or 0)
        return date.offset_s, f"Its EXIF has two offsets from UTC; {used} of the date itself was used, and not {other}."
    if tagged_s is not None:
        return tagged_s, ""
    without = "Its EXIF has no offset from UTC for the exposure"
    computed_s = None if gps is None else offset_by_gps(date.local, gps)
    if computed_s is not None:
        return computed_s, f"{without}; by the time of its GPS it is {offset_text(computed_s)}."
    unfit = "" if gps is None else f" Its GPS time, {gps:%Y-%m-%d %H:%M:%S} UTC, fits no time zone and was not used."
    changed_s = parse_offset(details.get(ExifTags.Base.OffsetTime))
    if changed_s is not None:
        return changed_s, f"{without}; that of its last change was used (OffsetTime, {offset_text(changed_s)}).{unfit}"
    return None, unfit.strip()


def offset_by_gps(local: datetime, gps: datetime) -> int | None:
    """Seconds east of UTC of the camera's clock; None if it is none of a time zone."""
    difference_s = (local - gps).total_seconds()
    offset_s = round(difference_s / ZONE_STEP_S) * ZONE_STEP_S
    fits = abs(offset_s) <= MAX_OFFSET_S and abs(difference_s - offset_s) <= GPS_WITHIN_S
    return offset_s if fits else None


def gps_time(place: Mapping[int, Any]) -> datetime | None:
    """The UTC of GPSDateStamp and GPSTimeStamp, without a time zone."""
    date = place.get(ExifTags.GPS.GPSDateStamp)
    found = GPS_DATE.fullmatch(date) if isinstance(date, str) else None
    seconds = _seconds_of_day(place.get(ExifTags.GPS.GPSTimeStamp))
    if found is None or seconds is None:
        return None
    return _at(*(int(one) for one in found.groups()), after_s=seconds)


def _seconds_of_day(stamp: Any) -> float | None:
    """Of hours, minutes and seconds as fractions."""
    try:
        hours, minutes, seconds = (float(one) for one in stamp)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    found = hours * 3600 + minutes * 60 + seconds
    return found if math.isfinite(found) and 0 <= found <= 86_400 else None


def parse_date(text: Any) -> ExifDate | None:
    """`2026:01:16 04:05:06`, the form of EXIF, also with a fraction and an offset. None for anything else, such as
    zeros."""
    found = DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    *numbers, fraction, offset = found.groups()
    offset_s = parse_offset(offset)
    at = _at(*(int(one) for one in numbers), after_s=parse_fraction(fraction) / 1_000_000)
    return None if at is None or (offset and offset_s is None) else ExifDate(at, offset_s)


def _at(*numbers: int, after_s: float = 0.0) -> datetime | None:
    """None for a date that does not exist, and for one with which cameras begin after an empty battery."""
    try:
        at = datetime(*numbers) + timedelta(seconds=after_s)  # type: ignore[arg-type]  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None
    return at if 1980 < at.year < 9000 else None


def parse_fraction(text: Any) -> int:
    """Microseconds from the digits after the decimal point."""
    digits = text.strip(" \0") if isinstance(text, str) else ""
    if not (digits.isascii() and digits.isdigit()):
        return 0
    return int(Fraction(int(digits[:6]), 10 ** len(digits[:6])) * 1_000_000)


def parse_offset(text: Any) -> int | None:
    """Seconds east of UTC from `+01:00`, `+0100`, `+01` or `Z`."""
    found = OFFSET.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    seconds = int(found[3] or 0) * 3600 + int(found[4] or 0) * 60
    return None if seconds > MAX_OFFSET_S else -seconds if found[2] == "-" else seconds


def offset_text(seconds: int) -> str:
    """`+01:00`."""
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


MAX_AHEAD = timedelta(days=1)
NO_DATE = "Its EXIF has no date of the exposure that can be read (DateTimeOriginal)."


@dataclass(frozen=True, slots=True)
class CameraZone:
    """The time zone of files whose EXIF has no offset. None: the machine's own zone."""

    name: str | None = None

    @property
    def label(self) -> str:
        return self.name or "the machine's time zone"

    def attach(self, local: datetime, fold: int = 0) -> datetime:
        zone: tzinfo | None = ZoneInfo(self.name) if self.name else None
        folded = local.replace(fold=fold)
        return folded.replace(tzinfo=zone) if zone else folded.astimezone()


@dataclass(frozen=True, slots=True)
class PlacedTime:
    """`warning` says what was assumed, for the capture's row."""

    at: datetime
    warning: str = ""


def resolve_time(taken: TakenAt | None, zone: CameraZone, now: datetime) -> PlacedTime:
    """NotPlaced without a time, or with one in the future."""
    if taken is None:
        raise NotPlaced(Reason.NO_TIME, NO_DATE)
    local = datetime.fromisoformat(taken["local"])
    found = _with_offset(local, taken["offset_s"]) if taken["offset_s"] is not None else _in_zone(local, zone)
    found = replace(found, warning=f"{found.warning} {taken['note']}".strip())
    if found.at > now + MAX_AHEAD:
        raise NotPlaced(Reason.NO_TIME, f"Its time, {found.at:%Y-%m-%d %H:%M:%S} UTC, is in the future.")
    return found


def _with_offset(local: datetime, offset_s: int) -> PlacedTime:
    return PlacedTime(local.replace(tzinfo=timezone(timedelta(seconds=offset_s))).astimezone(UTC))


def _in_zone(local: datetime, zone: CameraZone) -> PlacedTime:
    first, second = (zone.attach(local, fold).astimezone(UTC) for fold in (0, 1))
    warning = f"Its EXIF has no offset from UTC; its time was read in {zone.label}."
    if first != second:
        warning += " The clocks changed at that time, so it may be wrong by an hour."
    return PlacedTime(first, warning)
