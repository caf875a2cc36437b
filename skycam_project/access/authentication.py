"""Token authentication: `Authorization: Token ...` or `Bearer ...`. One indexed query; the scope caps the role."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.db.models import CharField
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
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
