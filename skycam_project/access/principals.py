"""Who opened something that lasts (a WebSocket, a stream), by what they showed; asked again while it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, parse_cookie

from skycam_project.access.authentication import cap_role, valid_token
from skycam_project.access.models import User


@dataclass(frozen=True, slots=True)
class Principal:
    """A token's text, or the key of a browser's session. A page of another site cannot set the token's header."""

    token: str | None = None
    session: str | None = None

    @property
    def needs_origin(self) -> bool:
        return self.token is None

    def user(self) -> User | None:
        """As the database has them now, capped at the token's scope. None: signed out, revoked, expired, inactive."""
        if self.token is not None:
            token = valid_token(self.token)
            return cap_role(token.user, token.scope) if token else None
        return signed_in(self.session) if self.session else None


def principal_of(headers: Mapping[str, str]) -> Principal:
    """By headers with lower-case names. A token counts before a cookie."""
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "token":
        return Principal(token=text.strip())
    return Principal(session=parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME))


def signed_in(session: str) -> User | None:
    request = HttpRequest()
    request.session = SessionStore(session)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None
