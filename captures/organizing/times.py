"""When a picture was taken, in UTC. Django-free."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from captures.organizing.exif_times import TakenAt
from captures.organizing.reasons import NotPlaced, Reason

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
