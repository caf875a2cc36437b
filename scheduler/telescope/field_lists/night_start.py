"""Starts a telescope's night: a session that chooses its exposures from a field list. Says in which nights a list
that is observed each night was not: the station may have been away for a whole night, when no alert could be
raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from cameras.selectors import check_sees
from captures.sessions.models import Session
from captures.sessions.service import SessionService
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, record_event, resolve_alert
from core.folders import real_path_inside
from core.text.sentences import Sentence, pluralize, sentence
from core.times.timestamps import stamp
from scheduler.telescope.field_lists.models import FieldList, NightlyStart
from scheduler.telescope.field_lists.nights import evening_of, listed_fields, night_at, site_of_camera
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


DAY = timedelta(days=1)
MOST_NIGHTS = 366
ALERT = "telescope.night_missed:"
MESSAGE_AWAY = "The station was away, or its parts jobs and beat were."


def report_missed_nights(now: datetime | None = None) -> None:
    """An event for each list whose nights are over and were not started, once, and an alert until one was. It is
    called before nights are started: their problem is that of the last night until then."""
    now = now or timezone.now()
    present = list(NightlyStart.objects.select_related("camera", "field_list"))
    for key in sorted(unresolved_keys(ALERT) - {alert_of(nightly) for nightly in present}):
        resolve_alert(key, "no list is observed each night by that camera any more.")
    for nightly in present:
        try:
            over = last_evening(site_of_camera(nightly.camera), now)
        except ValidationError:
            # No night is known there; that is its problem, which has an alert.
            continue
        # Also when the clock was ahead.
        if nightly.accounted != over:
            account_for(nightly, over)


def account_for(nightly: NightlyStart, over: date) -> None:
    """For the nights until that of the evening `over`."""
    with transaction.atomic():
        # Of two tasks that find the nights over, one reports them.
        if not NightlyStart.objects.filter(pk=nightly.pk, accounted=nightly.accounted).update(accounted=over):
            return
        missed = missed_evenings(nightly, over)
        if not missed:
            resolve_alert(alert_of(nightly))
            return
        message, data = message_of(nightly, missed), {"evenings": [evening.isoformat() for evening in missed]}
        record_event(
            "telescope.night_missed", message, severity="error", camera=nightly.camera,
            subject=nightly.field_list_id, data=data,
        )  # fmt: skip
        raise_alert(alert_of(nightly), message, severity="error", camera=nightly.camera, data=data)


def alert_of(nightly: NightlyStart) -> str:
    return f"{ALERT}{nightly.camera.slug}"


def missed_evenings(nightly: NightlyStart, over: date) -> list[date]:
    """The evenings after `nightly.accounted`, until `over`, of nights without a session; one that was refused does not
    count. The newest MOST_NIGHTS at most, and none before the first report."""
    if nightly.accounted is None:
        return []
    first = max(nightly.accounted + DAY, over - (MOST_NIGHTS - 1) * DAY)
    evenings = [first + count * DAY for count in range((over - first).days + 1)]
    seen = Session.objects.filter(
        camera=nightly.camera, programme__telescope__evening__in=[evening.isoformat() for evening in evenings]
    )
    observed = {*seen.not_refused().values_list("programme__telescope__evening", flat=True)}
    return [
        evening
        for evening in evenings
        if evening.isoformat() not in observed and evening != nightly.started and has_sunset(nightly, evening)
    ]


def has_sunset(nightly: NightlyStart, evening: date) -> bool:
    night = night_at(site_of_camera(nightly.camera), evening)
    return night.sunset < night.sunrise


def message_of(nightly: NightlyStart, missed: list[date]) -> Sentence:
    nights = f"the night of {missed[0]}"
    if len(missed) > 1:
        nights = f"{pluralize(len(missed), 'night')}, from {missed[0]} to {missed[-1]}"
    return sentence(
        "{camera} did not observe {found} in {nights}. {why}",
        camera=nightly.camera, found=nightly.field_list.name, nights=nights, why=nightly.problem or MESSAGE_AWAY,
    )  # fmt: skip
