"""Who makes a request, and what its role permits. Tokens (`Authorization: Token ...` or `Bearer ...`) take one
indexed query, and their scope caps the role. Each API view declares the permitted roles in `roles`. A WebSocket or
stream has a principal, whose credentials are checked again while it is open. A browser that was not used for
`web.session_idle_s` is signed out; each use renews the session."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError
from django.db.models import CharField
from django.http import HttpRequest, parse_cookie
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core.api.authorization import token_of
from core.outages import DATABASE_AWAY
from core.prepared_query import Parameter, PreparedQuery
from skycam_project.access.models import RANK, ApiToken, User

log = logging.getLogger(__name__)
RECORD_USE_EVERY_S = 60.0
REFUSED = "This token is not known, or has expired. Get one with POST /api/v1/auth/token/."


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """None without a token; AuthenticationFailed for a token that is not valid."""
        text = token_of(request.headers.get("Authorization", ""))
        if text is None:
            return None
        token = valid_token(text)
        if token is None:
            raise AuthenticationFailed(REFUSED)
        return cap_role(token.user, token.scope), token

    def authenticate_header(self, request: Request) -> str:
        return 'Token realm="Skycam"'


TOKEN_COLUMNS = ("scope", "hint", "expires_at", "last_used_at", "user__username", "user__role", "user__is_active")


DIGEST = Parameter("digest", CharField())
TOKENS = PreparedQuery(lambda: ApiToken.objects.select_related("user").only(*TOKEN_COLUMNS).filter(digest=DIGEST))


def known_token(text: str) -> ApiToken | None:
    """The token with its user, in one query of the columns that a request needs, without the password hash."""
    return TOKENS.first(digest=ApiToken.digest_of(text))


def valid_token(text: str) -> ApiToken | None:
    """The token, its use recorded; None when it is unknown, expired, or its user is inactive."""
    token = known_token(text)
    if token is None or token.expired or not token.user.is_active:
        return None
    record_use(token)
    return token


def cap_role(user: User, scope: str) -> User:
    """The user with the lower of role and scope, for this request only: do not save it."""
    user.role = min(user.role, scope, key=RANK.__getitem__)
    return user


last_tries: dict[int, float] = {}
"""Token -> monotonic seconds of the last attempt to record its use, in this process."""


def record_use(token: ApiToken) -> None:
    """Record the use, with at most one attempt a minute: requests that only read must work while the database cannot be
    written."""
    now = time.monotonic()
    recent = token.last_used_at and timezone.now() - token.last_used_at < timedelta(seconds=RECORD_USE_EVERY_S)
    # While the database cannot be written, `last_used_at` stays old. Without `last_tries` each request would wait for
    # the busy timeout.
    if recent or now - last_tries.get(token.pk, -RECORD_USE_EVERY_S) < RECORD_USE_EVERY_S:
        return
    last_tries[token.pk] = now
    try:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=timezone.now())
    except DATABASE_AWAY:
        log.warning("The use of the token %s could not be recorded.", token.hint)


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "`Token ...` is accepted, too."}


ANYONE = "anyone"


class RolePermission(BasePermission):
    """Reads the view's `roles`: method -> the lowest role that may use it, or `anyone`."""

    message = "You may not do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = needed_role(view, str(request.method))
        if needed == ANYONE:
            return True
        if not request.user.is_authenticated:
            return False
        if needed is None:
            # DRF checks permissions first: a method that the view does not have passes here and gets 405.
            return not hasattr(view, str(request.method).lower())
        self.message = f"This needs the role {needed}; yours is {request.user.role}. Ask a manager."
        return bool(request.user.may(needed))


def needed_role(view: Any, method: str) -> str | None:
    """None where the view declares no role for the method."""
    roles: dict[str, str] = getattr(view, "roles", {})
    return roles.get("GET" if method == "HEAD" else method)


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


RENEWED_AT = "renewed_at"
MAX_STEP_S = 3600.0


class SessionRenewalMiddleware:
    """Writes at most once an hour. A failed write is only logged: pages must work while the database cannot be written.
    An open page polls, so it counts as use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if self._is_due(request):
            self._renew(request, response)
        return response

    def _is_due(self, request: HttpRequest) -> bool:
        session = request.session
        # `accessed` first: SESSION_KEY would load the session of a program that sent only a token. A modified session
        # is saved by Django's middleware, with a new expiry.
        if not session.accessed or session.modified or SESSION_KEY not in session:
            return False
        step_s = min(MAX_STEP_S, settings.SESSION_COOKIE_AGE / 10)
        # Negative after the clock was set back: then it is renewed too.
        return not 0 <= time.time() - session.get(RENEWED_AT, 0.0) < step_s

    def _renew(self, request: HttpRequest, response: HttpResponseBase) -> None:
        session = request.session
        session[RENEWED_AT] = time.time()
        try:
            session.save()
        # UpdateError: the session was ended meanwhile. Saving must not create it again.
        except (DatabaseError, UpdateError) as error:
            log.warning("A sign-in could not be renewed: %s", type(error).__name__)
        else:
            response.set_cookie(
                settings.SESSION_COOKIE_NAME,
                str(session.session_key),
                max_age=settings.SESSION_COOKIE_AGE,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        # Django's middleware, which runs after this one, would save it a second time, and answer 400 for a session that
        # ended.
        session.modified = False
