"""A Redis user for each watched camera process: it may publish this camera's live pictures and nothing else.

A camera process decodes what comes from the network and runs vendor libraries, so it must not be able to command other
cameras, or to read or write what the station keeps in Redis.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import redis
from django.conf import settings

from core.broker import broker

log = logging.getLogger(__name__)
CHECK_S = 1.0
NO_ACL = ("unknown command", "error in acl setuser modifier")
"""Refusals of a server that has no users (before Redis 6) or whose users have no channels (before Redis 6.2)."""
NOT_PASSED_ON = {"db", "username", "password"}
"""URL options that are dropped: publishing needs no database, and the login differs."""


class BrokerUsers:
    """Creates the users, and creates them again when the server has lost them. Passwords live as long as this object.
    Used by one thread."""

    def __init__(self) -> None:
        self._passwords: dict[str, str] = {}
        self._checked_at = -CHECK_S
        self._refused = False
        """The server cannot have such users, or the station's own user may not create any."""

    def urls(self, server: redis.Redis, slugs: Iterable[str]) -> dict[str, str]:
        """Slug -> the address that its camera process may use. Raises redis.RedisError and OSError."""
        station, wanted = settings.STATION, list(slugs)
        if station.camera_redis_url:
            return dict.fromkeys(wanted, station.camera_redis_url)
        self._ensure_users(server, wanted)
        if self._refused:
            return dict.fromkeys(wanted, station.redis_url)
        return {slug: with_login(station.redis_url, user_of(slug), self._passwords[slug]) for slug in wanted}

    def delete_users(self, server: redis.Redis) -> None:
        """Delete the users when the Supervisor stops."""
        if self._passwords and not self._refused:
            run_acl(server, "DELUSER", *map(user_of, self._passwords))

    def _ensure_users(self, server: redis.Redis, slugs: list[str]) -> None:
        new = [slug for slug in slugs if slug not in self._passwords]
        if not slugs or (not new and time.monotonic() - self._checked_at < CHECK_S):
            return
        self._checked_at = time.monotonic()
        for slug in new:
            # Stored even if the server fails below: the check of CHECK_S then creates the missing user.
            self._passwords[slug] = secrets.token_urlsafe(32)
        try:
            # A server that was restarted has forgotten its users.
            missing = [slug for slug in slugs if slug in new or not user_exists(server, slug)]
            for slug in missing:
                run_acl(server, "SETUSER", *rules(slug, self._passwords[slug]))
        except redis.ResponseError as error:
            self._note_refusal(error)
        else:
            self._refused = False

    def _note_refusal(self, error: redis.ResponseError) -> None:
        """Raises every error that is no refusal."""
        message = str(error).lower()
        if not isinstance(error, redis.exceptions.NoPermissionError) and not any(text in message for text in NO_ACL):
            raise error
        if not self._refused:
            log.warning(
                "The broker lets this station create no users (%s): camera processes use the station's own access. "
                "Set CAMERA_REDIS_URL to a user that may only publish.",
                error,
            )
        self._refused = True


def user_of(slug: str) -> str:
    return f"skycam-{settings.STATION.station.id}-{slug}"


def rules(slug: str, password: str) -> list[str]:
    """The password goes to the server as its hash, so that no log of the server holds it."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    channels = broker.key("live", slug, "*")
    # The server applies them in this order. `reset` removes what an earlier Supervisor gave to a user of this name.
    return [user_of(slug), "reset", "on", f"#{digest}", f"&{channels}", "-@all", "+publish"]


def user_exists(server: redis.Redis, slug: str) -> bool:
    return run_acl(server, "GETUSER", user_of(slug)) is not None


def run_acl(server: redis.Redis, *words: str) -> Any:
    return server.execute_command("ACL", *words)  # type: ignore[no-untyped-call]


def with_login(url: str, user: str, password: str) -> str:
    """The URL with this login instead of its own."""
    parts = urlsplit(url)
    options = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name not in NOT_PASSED_ON])
    place = parts.netloc.rpartition("@")[2]
    # The path of a TCP address is the number of the database.
    path = parts.path if parts.scheme == "unix" else ""
    return SplitResult(parts.scheme, f"{quote(user)}:{quote(password)}@{place}", path, options, "").geturl()
