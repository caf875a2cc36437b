"""Starts a telescope's night: a session that chooses its exposures from a field list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError

from cameras.models import Camera
from cameras.selectors import check_sees
from captures.sessions.models import Session
from captures.sessions.service import SessionService
from core.folders import real_path_inside
from core.text.sentences import sentence
from core.times.timestamps import stamp
from scheduler.telescope.field_lists.contents import listed_fields
from scheduler.telescope.field_lists.models import FieldList
from scheduler.telescope.field_lists.nights import evening_of, night_at, site_of_camera
from scheduler.telescope.field_lists.observers import check_may_change
from scheduler.telescope.field_lists.resource import ObserveRequest
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.night_programme import NightProgramme
from scheduler.telescope.night.sky import TelescopeSite, julian_date, time_of

MESSAGE_OVER = "The night of {evening} is over. Give a later evening."
MESSAGE_ADD_FILE = (
    "{path!r} is not the full path of an .add file in one of the folders of the setting `sources` ({folders})."
)
ADD_SUFFIX = ".add"
MESSAGE_KIND = "{camera} is no camera of a telescope. Choose one whose kind is telescope."


@dataclass(frozen=True, slots=True)
class NightStart:
    """A `captures.sessions.service.SessionStart`."""

    name: str
    exposure_us: int
    begin: datetime
    end: datetime
    telescope: NightProgramme
    options: Mapping[str, Any] | None = None

    def programme(self, camera: Camera) -> dict[str, Any]:
        return {
            "kind": "telescope", "exposure_us": self.exposure_us, "delay_s": 0.0,
            "windows": [[stamp(self.begin), stamp(self.end)]], "telescope": dict(self.telescope),
        }  # fmt: skip


def night_start(found: FieldList, site: TelescopeSite, request: ObserveRequest, now: datetime) -> NightStart:
    """ValidationError for a night that is over or without a sunset, for a list without a field, and for an `.add` file
    of another place."""
    evening = request.evening or coming_evening(site, now)
    night = night_at(site, evening)
    if is_over(night, now):
        raise ValidationError({"evening": MESSAGE_OVER.format(evening=evening)})
    if night.sunset >= night.sunrise:
        raise ValidationError({"evening": f"The Sun does not set on {evening} at this place."})
    fields = listed_fields(found)
    if not fields:
        raise ValidationError({"": f"The list {found.name!r} has no field. Add one first."})
    longest_us = max(1, round(max(field.exposure_s for field in fields) * 1e6))
    telescope = NightProgramme(
        field_list=str(found.pk), name=found.name, evening=evening.isoformat(), site=_coordinates(site),
        rule=request.rule, add_file=checked_add_file(request.add_file), clears=request.clears,
        start_over=request.start_over,
    )  # fmt: skip
    name = request.name or f"{found.name} {evening}"
    return NightStart(name[:120], longest_us, _begin(night, now), time_of(night.sunrise), telescope)


def start_night(
    found: FieldList, camera: Camera, request: ObserveRequest, *, user: Any, actor: str, now: datetime,
    new_id: UUID | None = None,
) -> Session:  # fmt: skip
    """What `checked_night_start` and `SessionService.start` raise. `user` is None for the station itself;
    ValidationError for a camera that the user may not see."""
    check_sees(user, camera)
    if request.start_over:
        # For all cameras that observe the list in this night.
        check_may_change(found, user)
    return SessionService(actor).start(camera, checked_night_start(found, camera, request, now), new_id=new_id)


def checked_night_start(found: FieldList, camera: Camera, request: ObserveRequest, now: datetime) -> NightStart:
    """What `night_start` raises. ValidationError for an archived list, for a camera of another kind, and for one whose
    host has no coordinates."""
    if camera.kind != "telescope":
        raise ValidationError({"camera": sentence(MESSAGE_KIND, camera=camera)})
    if found.archived_at is not None:
        raise ValidationError({"": f"The list {found.name!r} is archived. Restore it first."})
    return night_start(found, site_of_camera(camera), request, now)


def coming_evening(site: TelescopeSite, now: datetime) -> date:
    """That of the present night, or of the next one after its sunrise."""
    present = evening_of(site, now)
    return present + timedelta(days=1) if is_over(night_at(site, present), now) else present


def last_evening(site: TelescopeSite, now: datetime) -> date:
    """That of the newest night that is over."""
    return coming_evening(site, now) - timedelta(days=1)


def is_over(night: Night, now: datetime) -> bool:
    return julian_date(now) >= night.sunrise


def checked_add_file(path: str) -> str:
    """The real path of an `.add` file, which need not exist yet. ValidationError for another one."""
    if not path:
        return ""
    folders = [str(folder) for folder in settings.STATION.sources]
    real = real_path_inside(path, folders) if path.startswith("/") and path.isprintable() else None
    if real is None or not real.endswith(ADD_SUFFIX):
        names = ", ".join(folders) or "none is configured"
        raise ValidationError({"add_file": MESSAGE_ADD_FILE.format(path=path[:120], folders=names)})
    return real


def _coordinates(site: TelescopeSite) -> tuple[float, float, float]:
    return (site.latitude, site.longitude, site.elevation)


def _begin(night: Night, now: datetime) -> datetime:
    return max(now, time_of(night.sunset))
