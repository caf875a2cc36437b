"""Sign-ins, by token or browser, and the tokens of users. Every change writes an event. The functions `remove_...`
are for RETENTION in `monitoring/retention.py`: each removes one batch of expired rows, and returns how many rows it
removed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from core import database_clock
from core.events.service import record_event
from core.text.names import check_line
from monitoring.retention import BATCH
from skycam_project.access import sign_in_limits
from skycam_project.access.models import DEFAULT_LIFE, RANK, ApiToken, Role, SignIn, User
from skycam_project.access.sign_in_limits import record_denied

MAX_NAME_LENGTH = 80
NAME_MISSING = "Give the token a name that says what uses it, such as `backup script`."
NAME_TOO_LONG = f"A token's name has at most {MAX_NAME_LENGTH} characters."


class Denied(Exception):
    """The name or the password is wrong. The message does not say which."""

    def __init__(self) -> None:
        super().__init__("The name or the password is wrong, or the account has no role.")


def sign_in(
    username: str,
    password: str,
    address: str,
    *,
    scope: str | None = None,
    name: str = "",
    life: timedelta = DEFAULT_LIFE,
) -> tuple[ApiToken, str]:
    """A new token and its text. Denied for a wrong name or password; TooManyAttempts before they are checked. Slow,
    since a password is hashed."""
    sign_in_limits.count_attempt(username, address)
    user: Any = authenticate(username=username, password=password)
    # The same answer for a user without a role: it must not confirm a guessed password.
    if user is None or not user.may(Role.VIEWER):
        record_denied(username, address)
        raise Denied
    return _issue_sign_in_token(user, address, scope, name or f"Signed in from {address or 'this machine'}", life)


@transaction.atomic
def _issue_sign_in_token(
    user: User, address: str, scope: str | None, name: str, life: timedelta
) -> tuple[ApiToken, str]:
    ApiToken.objects.filter(user=user, expires_at__lte=database_clock.estimate()).delete()
    token, text = ApiToken.issue(
        user, scope=scope, name=name, expires_at=database_clock.estimate() + life, address=address
    )
    record_event(
        "user.signed_in",
        f"{user.username} got the token {token.hint}… from {address or 'this machine'}.",
        camera=None,
        actor=user.username,
        data={"address": address, "scope": token.scope, "token": token.hint, "name": token.name},
    )
    return token, text


# Tokens


def list_tokens(user: Any = None) -> QuerySet[ApiToken]:
    """The tokens of one user, or of all; newest first."""
    tokens = ApiToken.objects.select_related("user").order_by("-created_at", "-pk")
    return tokens if user is None else tokens.filter(user_id=user.pk)


def tokens_for(user: Any) -> QuerySet[ApiToken]:
    """Those that `user` may see and revoke."""
    return list_tokens(None if user.may(Role.MANAGER) else user)


def token_for(user: Any, token: int) -> ApiToken:
    """ApiToken.DoesNotExist, also for one of another user, so that ids reveal nothing."""
    return tokens_for(user).get(pk=token)


@transaction.atomic
def issue_token(
    owner: Any, *, name: str, scope: str | None = None, life: timedelta = DEFAULT_LIFE, actor: str
) -> tuple[ApiToken, str]:
    """A token for a user, and its text, which is shown once and not stored. Its scope is at most its owner's role,
    which is the default; it is valid for at most two years. ValidationError without a name."""
    token, text = ApiToken.issue(
        owner, scope=scope, name=checked_name(name), expires_at=database_clock.estimate() + life
    )
    of = "" if owner.username == actor else f" for {owner.username}"
    _changed(actor, owner.username, f"{actor} made the token {token.hint}… ({token.name}, {token.scope}){of}.")
    return token, text


def checked_name(name: str) -> str:
    """ValidationError with a sentence for the field `name`."""
    name = name.strip()
    if not name:
        raise ValidationError({"name": NAME_MISSING})
    if len(name) > MAX_NAME_LENGTH:
        raise ValidationError({"name": NAME_TOO_LONG})
    try:
        return check_line(name)
    except ValueError as error:
        raise ValidationError({"name": str(error)}) from None


@transaction.atomic
def revoke_token(token: ApiToken, actor: str) -> None:
    """The token stops working at once; sockets and streams that were opened with it close within seconds."""
    of = "" if token.user.username == actor else f" of {token.user.username}"
    _changed(actor, token.user.username, f"{actor} revoked the token {token.hint}… ({token.name}){of}.")
    token.delete()


def revoke_tokens(user: Any) -> int:
    """Delete all tokens of a user, in the caller's transaction, which writes the event. Returns how many were valid."""
    revoked = count_valid_tokens(user)
    ApiToken.objects.filter(user_id=user.pk).delete()
    return revoked


def lower_scopes(user: User) -> None:
    """Lower the scopes of a user's tokens to the user's role, so that a role that is given back later does not give
    tokens their old scope."""
    if user.role == Role.NONE:
        ApiToken.objects.filter(user=user).delete()
    higher = [role for role, rank in RANK.items() if rank > RANK[user.role]]
    ApiToken.objects.filter(user=user, scope__in=higher).update(scope=user.role)


def count_valid_tokens(user: Any) -> int:
    """How many tokens of a user are valid now."""
    return ApiToken.objects.filter(user_id=user.pk, expires_at__gt=database_clock.estimate()).count()


def revoked_tokens_text(count: int) -> str:
    """`2 tokens were revoked`; empty for none."""
    if not count:
        return ""
    return f"{count} {'token was' if count == 1 else 'tokens were'} revoked"


# Browsers


@transaction.atomic
def record_sign_in(request: HttpRequest, user: User) -> None:
    """Store a browser's sign-in with its session, so that its user can end it from elsewhere."""
    address = request.META.get("REMOTE_ADDR", "")[:60]
    agent = request.headers.get("User-Agent", "")[:200]
    SignIn.objects.create(user=user, session_key=request.session.session_key or "", address=address, agent=agent)
    record_event(
        "user.signed_in",
        f"{user.username} signed in from {address or 'this machine'}.",
        camera=None,
        actor=user.username,
        data={"address": address, "agent": agent},
    )


def sign_ins_of(user: Any) -> list[SignIn]:
    """The sign-ins with a valid session, newest first."""
    living = Session.objects.filter(expire_date__gt=database_clock.now()).values("session_key")
    return list(SignIn.objects.filter(user=user, session_key__in=living))


@transaction.atomic
def end_sign_in(sign_in: SignIn) -> None:
    # The browser is signed out by this row's removal. SignIn only describes it.
    Session.objects.filter(session_key=sign_in.session_key).delete()
    name = sign_in.user.username
    _changed(name, name, f"{name} ended a sign-in from {sign_in.address or 'this machine'}.")
    sign_in.delete()


def end_sign_ins(user: User, *, but: str | None = None) -> None:
    """End all sign-ins of a user but the one with the session `but`: their sessions are deleted too."""
    others = SignIn.objects.filter(user=user).exclude(session_key=but or "")
    Session.objects.filter(session_key__in=list(others.values_list("session_key", flat=True))).delete()
    others.delete()


@transaction.atomic
def record_password_change(user: User, before: str | None, session_key: str | None) -> int:
    """Give this browser's sign-in its new session key; end all other sign-ins and tokens. Returns how many valid tokens
    were revoked."""
    # First: end_sign_ins() would otherwise end this browser's own sign-in too.
    SignIn.objects.filter(user=user, session_key=before).update(session_key=session_key)
    end_sign_ins(user, but=session_key)
    revoked = revoke_tokens(user)
    also = f"; {text}" if (text := revoked_tokens_text(revoked)) else ""
    _changed(user.username, user.username, f"{user.username} changed their password{also}.")
    return revoked


def _changed(actor: str, subject: str, message: str) -> None:
    record_event("user.changed", message, camera=None, subject=subject, actor=actor)


KEPT = timedelta(days=90)
"""How long ended sign-ins and expired tokens stay listed, so that people can see what they were."""


def remove_sessions() -> int:
    return _remove_batch(Session.objects.filter(expire_date__lte=database_clock.now()))


def remove_sign_ins() -> int:
    now = database_clock.estimate()
    living = Session.objects.filter(expire_date__gt=now).values("session_key")
    return _remove_batch(SignIn.objects.filter(at__lte=now - KEPT).exclude(session_key__in=living).order_by())


def remove_tokens() -> int:
    return _remove_batch(ApiToken.objects.filter(expires_at__lte=database_clock.now() - KEPT))


def _remove_batch(rows: QuerySet[Any]) -> int:
    # Django refuses delete() on a slice.
    keys = list(rows.values_list("pk", flat=True)[:BATCH])
    rows.model.objects.filter(pk__in=keys).delete()
    return len(keys)
