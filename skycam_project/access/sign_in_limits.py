"""Limits sign-in attempts per minute, and records refused ones as events. Attempts are counted in the cache for all
web processes, or in this process while the cache is away: those of unknown clients by address and by account, so that
neither one address nor many together can guess a password. A client that has signed in before, by its address or its
browser, has a separate count, so that no one can lock users out by trying their names. Anyone can cause refusals, so
their events are bounded: the first ones of an hour get one event each, and the others share one."""

from __future__ import annotations

import hashlib
import math
import time
import unicodedata
from collections import Counter as NameCounter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction
from django.utils import timezone
from prometheus_client import Counter

from core.addresses import client_network
from core.events.service import record_event
from core.station_zone import site_time_text
from core.text.names import readable
from core.window_count import count_in_window
from skycam_project.access.models import ApiToken, DeniedHour, SignIn

WINDOW_S = 60
MAX_OF_ADDRESS = 30
MAX_OF_ACCOUNT_AND_ADDRESS = 10
MAX_OF_ACCOUNT = 30
MAX_OF_KNOWN_CLIENT = 30
KNOWN_FOR_S = 365 * 86_400
SALT = "skycam.known-browser"
REFUSED = Counter(
    "skycam_sign_ins_refused_total", "Sign-in attempts that a limit refused before the password was checked.", ["by"]
)


class TooManyAttempts(Exception):
    """`wait_s`: whole seconds until the next attempt is allowed."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many attempts. Wait {wait_s} s.")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` attempts in a minute that have all of `of` in common."""

    by: str
    of: tuple[str, ...]
    most: int

    def key(self, window: int) -> str:
        """The cache key: a hash, since names may have any length and any character."""
        digest = hashlib.sha256(repr((self.by, self.of)).encode()).hexdigest()[:32]
        return f"sign-in:{digest}:{window}"


def count_attempt(username: str, address: str, browser: str = "") -> None:
    """Count one more attempt. TooManyAttempts over a limit. `browser` is the `browser_mark` of a known browser."""
    now = time.time()
    username = unicodedata.normalize("NFKC", username).strip()  # as the form does before it looks for the user
    for limit in limits(username, client_network(address), browser):
        if count_in_window(limit.key(int(now // WINDOW_S)), 2 * WINDOW_S) > limit.most:
            REFUSED.labels(limit.by).inc()
            raise TooManyAttempts(math.ceil(WINDOW_S - now % WINDOW_S))


def limits(username: str, block: str, browser: str) -> list[Limit]:
    if is_known_browser(browser, username):
        return [Limit("browser", (username, browser), MAX_OF_KNOWN_CLIENT)]
    if has_signed_in_from(username, block):
        return [Limit("known address", (username, block), MAX_OF_KNOWN_CLIENT)]
    return [
        # In this order: counting ends at the first limit that is exceeded. One address alone uses up at most ten of the
        # account's attempts a minute, so it cannot close the account to other addresses.
        Limit("address", (block,), MAX_OF_ADDRESS),
        Limit("account and address", (username, block), MAX_OF_ACCOUNT_AND_ADDRESS),
        Limit("account", (username,), MAX_OF_ACCOUNT),
    ]


def has_signed_in_from(username: str, block: str) -> bool:
    """Whether the user has a sign-in or a token from an address of this block."""
    rows = (SignIn.objects, ApiToken.objects)
    addresses = {
        address for row in rows for address in row.filter(user__username=username).values_list("address", flat=True)
    }
    return any(address and client_network(address) == block for address in addresses)


def browser_mark(username: str) -> str:
    """The signed cookie of a browser that has signed in: its attempts are counted separately."""
    return signing.dumps(username, salt=SALT)


def is_known_browser(browser: str, username: str) -> bool:
    try:
        return bool(browser) and signing.loads(browser, salt=SALT, max_age=KNOWN_FOR_S) == username
    except signing.BadSignature:
        return False


MAX_SINGLE_EVENTS = 30
# Those who try to sign in choose the names, so they must not choose the size of the row.
MAX_NAMES_KEPT = 50
MAX_NAMES_SHOWN = 5
OTHERS = "others"
HOUR = timedelta(hours=1)


def record_denied(username: str, address: str) -> None:
    username, address = readable(username)[:150], address[:60]
    if _count_denial(username, address) > MAX_SINGLE_EVENTS:
        return
    record_event(
        "user.denied",
        f"A sign-in as {username!r} from {address or 'this machine'} was refused.",
        camera=None,
        severity="warning",
        data={"address": address, "username": username},
    )


@transaction.atomic
def _count_denial(username: str, address: str) -> int:
    """The number of refused sign-ins in this hour, this one included."""
    began_at = timezone.now().replace(minute=0, second=0, microsecond=0)
    hour, is_new = DeniedHour.objects.select_for_update().get_or_create(began_at=began_at)
    hour.count += 1
    if hour.count > MAX_SINGLE_EVENTS:
        _add_to_hour(hour.names, username)
        _add_to_hour(hour.addresses, address)
    hour.save()
    # Beat runs it each hour too; here it needs no broker.
    if is_new:
        summarise_past_hours()
    return hour.count


def _add_to_hour(counted: dict[str, int], name: str) -> None:
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
    first = NameCounter(counted).most_common(MAX_NAMES_SHOWN)
    left = len(counted) - len(first)
    return ", ".join(f"{name!r} ({count})" for name, count in first) + (f" and {left} more" if left else "")
