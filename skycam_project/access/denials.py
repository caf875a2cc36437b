"""Refused sign-ins as events. Anyone can cause them, so their number is bounded: the first ones of an hour get
one event each, and the others share one."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from core.events.service import record_event
from core.station_zone import site_time_text
from core.text.names import readable
from skycam_project.access.models import DeniedHour

MAX_SINGLE_EVENTS = 30
# Those who try to sign in choose the names, so they must not choose the size of the row.
MAX_NAMES_KEPT = 50
MAX_NAMES_SHOWN = 5
OTHERS = "others"
HOUR = timedelta(hours=1)


def record_denied(username: str, address: str) -> None:
    username, address = readable(username)[:150], address[:60]
    if _count(username, address) > MAX_SINGLE_EVENTS:
        return
    record_event(
        "user.denied",
        f"A sign-in as {username!r} from {address or 'this machine'} was refused.",
        camera=None,
        severity="warning",
        data={"address": address, "username": username},
    )


@transaction.atomic
def _count(username: str, address: str) -> int:
    """The number of refused sign-ins in this hour, this one included."""
    began_at = timezone.now().replace(minute=0, second=0, microsecond=0)
    hour, is_new = DeniedHour.objects.select_for_update().get_or_create(began_at=began_at)
    hour.count += 1
    if hour.count > MAX_SINGLE_EVENTS:
        _add(hour.names, username)
        _add(hour.addresses, address)
    hour.save()
    # Beat runs it each hour too; here it needs no broker.
    if is_new:
        summarise_past_hours()
    return hour.count


def _add(counted: dict[str, int], name: str) -> None:
    key = name if name in counted or len(counted) < MAX_NAMES_KEPT else OTHERS
    counted[key] = counted.get(key, 0) + 1


def summarise_past_hours() -> None:
    """Record one event for each past hour with more refused sign-ins than MAX_SINGLE_EVENTS."""
    now = timezone.now()
    for hour in DeniedHour.objects.filter(began_at__lte=now - HOUR):
        _record_summary(hour)


@transaction.atomic
def _record_summary(hour: DeniedHour) -> None:
    # Deleted first: of two processes that summarise the same hour only one has deleted the row and writes the event.
    deleted, _ = DeniedHour.objects.filter(pk=hour.pk).delete()
    more = hour.count - MAX_SINGLE_EVENTS
    if not deleted or more <= 0:
        return
    until: datetime = hour.began_at + HOUR
    record_event(
        "user.denied",
        f"{more} more sign-ins were refused from {site_time_text(hour.began_at)} to "
        f"{site_time_text(until)}: "
        f"as {_most_common(hour.names)}; from {_most_common(hour.addresses)}.",
        camera=None,
        severity="warning",
        data={"count": more, "names": hour.names, "addresses": hour.addresses},
    )


def _most_common(counted: dict[str, int]) -> str:
    """`'admin' (120), 'root' (3) and 12 more`."""
    first = Counter(counted).most_common(MAX_NAMES_SHOWN)
    left = len(counted) - len(first)
    return ", ".join(f"{name!r} ({count})" for name, count in first) + (f" and {left} more" if left else "")
