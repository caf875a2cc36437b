"""Limits sign-in attempts per minute. They are counted in the cache for all web processes, or in this process while the
cache is away.

Attempts of unknown clients are counted by address and by account, so that neither one address nor many together can
guess a password. A client that has signed in before, by its address or its browser, has a separate count, so that no
one can lock users out by trying their names.
"""

from __future__ import annotations

import hashlib
import math
import time
import unicodedata
from dataclasses import dataclass

from django.core import signing
from prometheus_client import Counter

from core.addresses import client_network
from core.window_count import count_in_window
from skycam_project.access.models import ApiToken, SignIn

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
