"""The principal of a WebSocket or stream: its credentials, which are checked again while it is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, parse_cookie

from core.api.authorization import token_of
from skycam_project.access.authentication import cap_role, valid_token
from skycam_project.access.models import User


@dataclass(frozen=True, slots=True)
class Principal:
    """A token's text, or the key of a browser's session. Only a cookie needs an Origin check, since a page of another
    site cannot set the token's header."""

    token: str | None = None
    session: str | None = None

    @property
    def needs_origin(self) -> bool:
        return self.token is None

    def user(self) -> User | None:
        """The user as in the database now, capped at the token's scope; None if signed out, revoked or inactive."""
        if self.token is not None:
            token = valid_token(self.token)
            return cap_role(token.user, token.scope) if token else None
        return signed_in(self.session) if self.session else None


def principal_of(headers: Mapping[str, str]) -> Principal:
    """From headers with lower-case names. A token takes precedence over a cookie."""
    token = token_of(headers.get("authorization", ""))
    if token is not None:
        return Principal(token=token)
    return Principal(session=parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME))


def signed_in(session: str) -> User | None:
    request = HttpRequest()
    # get_user() also compares the session with the password's hash, so a new password ends open sockets.
    request.session = SessionStore(session)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None
