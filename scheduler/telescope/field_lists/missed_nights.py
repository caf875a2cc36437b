"""Says in which nights a list that is observed each night was not: the station may have been away for a whole night,
when no alert could be raised."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from captures.sessions.models import Session
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, record_event, resolve_alert
from core.text.amounts import pluralize
from core.text.sentences import Sentence, sentence
from scheduler.telescope.field_lists.models import NightlyStart
from scheduler.telescope.field_lists.night_start import last_evening
from scheduler.telescope.field_lists.nights import night_at, site_of_camera

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
