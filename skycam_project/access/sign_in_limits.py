"""How often somebody may try a password, in each minute. Counted in the cache for all web processes; in this process
while the cache is away.

A stranger's tries are counted by address and by account, so that neither one address nor many together guess a
password. Whoever has been let in before, from the same address or with the same browser, has a count of their own:
nobody can keep them out by trying with their name.
"""

from __future__ import annotations

import hashlib
import math
import time
import unicodedata
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from prometheus_client import Counter

from cameras.broker import UNREACHABLE
from core.addresses import client_network
from skycam_project.access.models import ApiToken, SignIn

WINDOW_S = 60
OF_AN_ADDRESS = 30
OF_AN_ACCOUNT_FROM_AN_ADDRESS = 10
OF_AN_ACCOUNT = 30
OF_A_KNOWN_PLACE = 30
KNOWN_FOR_S = 365 * 86_400
SALT = "skycam.known-browser"
REFUSED = Counter(
    "skycam_sign_ins_refused_total", "Tries to sign in that were refused before they were looked at.", ["by"]
)


class TooManyTries(Exception):
    """`wait_s`: whole seconds until the next try."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many tries. Wait {wait_s} s.")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` tries in a minute that have all of `of` in common."""

    by: str
    of: tuple[str, ...]
    most: int

    def key(self, window: int) -> str:
        """Names may be of any length and hold any character."""
        digest = hashlib.sha256(repr((self.by, self.of)).encode()).hexdigest()[:32]
        return f"sign-in:{digest}:{window}"


def count_try(username: str, address: str, browser: str = "") -> None:
    """One more try. TooManyTries when it is one too many. `browser` is what `known_browser` gave it once."""
    now = time.time()
    username = unicodedata.normalize("NFKC", username).strip()  # as the form does before it looks for the user
    for limit in limits(username, client_network(address), browser):
        if _count(limit.key(int(now // WINDOW_S))) > limit.most:
            REFUSED.labels(limit.by).inc()
            raise TooManyTries(math.ceil(WINDOW_S - now % WINDOW_S))


def limits(username: str, block: str, browser: str) -> list[Limit]:
    if is_known_browser(browser, username):
        return [Limit("browser", (username, browser), OF_A_KNOWN_PLACE)]
    if has_come_from(username, block):
        return [Limit("known address", (username, block), OF_A_KNOWN_PLACE)]
    return [
        Limit("address", (block,), OF_AN_ADDRESS),
        Limit("account and address", (username, block), OF_AN_ACCOUNT_FROM_AN_ADDRESS),
        Limit("account", (username,), OF_AN_ACCOUNT),
    ]


def _count(key: str) -> int:
    try:
        return _count_in(cache, key)
    except UNREACHABLE:
        return _count_in(LocMemCache("sign-in", {"OPTIONS": {"MAX_ENTRIES": 10_000}}), key)


def _count_in(where: Any, key: str) -> int:
    where.add(key, 0, 2 * WINDOW_S)
    try:
        return int(where.incr(key))
    except ValueError:  # it has gone since
        return 1


def has_come_from(username: str, block: str) -> bool:
    """Whether the user has a sign-in or a token from there."""
    rows = (SignIn.objects, ApiToken.objects)
    addresses = {
        address for row in rows for address in row.filter(user__username=username).values_list("address", flat=True)
    }
    return any(address and client_network(address) == block for address in addresses)


def known_browser(username: str) -> str:
    """What a browser keeps that has signed in: with it, its tries are counted apart."""
    return signing.dumps(username, salt=SALT)


def is_known_browser(browser: str, username: str) -> bool:
    try:
        return bool(browser) and signing.loads(browser, salt=SALT, max_age=KNOWN_FOR_S) == username
    except signing.BadSignature:
        return False
