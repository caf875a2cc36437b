"""Signing in, for a token or with a browser, and the tokens of users. Every change is an event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from core.names import check_line
from monitoring.services import record_event
from skycam_project.access import sign_in_limits
from skycam_project.access.denials import record_denied
from skycam_project.access.models import DEFAULT_LIFE, RANK, ApiToken, Role, SignIn, User

MAX_NAME_LENGTH = 80


class Denied(Exception):
    """The name or the password is wrong; it is not said which."""

    def __init__(self) -> None:
        super().__init__("This name and password do not belong together, or the account has no role.")


def sign_in(
    username: str,
    password: str,
    address: str,
    *,
    scope: str | None = None,
    name: str = "",
    life: timedelta = DEFAULT_LIFE,
) -> tuple[ApiToken, str]:
    """A new token and its text. Denied when name and password do not let in, TooManyAttempts before they are looked at.
    Slow, since a password is hashed."""
    sign_in_limits.count_attempt(username, address)
    user: Any = authenticate(username=username, password=password)
    if user is None or not user.may(Role.VIEWER):
        record_denied(username, address)
        raise Denied
    return _issue_sign_in_token(user, address, scope, name or f"Signed in from {address or 'this machine'}", life)


@transaction.atomic
def _issue_sign_in_token(
    user: User, address: str, scope: str | None, name: str, life: timedelta
) -> tuple[ApiToken, str]:
    ApiToken.objects.filter(user=user, expires_at__lte=timezone.now()).delete()
    token, text = ApiToken.issue(user, scope=scope, name=name, expires_at=timezone.now() + life, address=address)
    record_event(
        "user.signed_in",
        f"{user.username} got the token {token.hint}… from {address or 'this machine'}.",
        actor=user.username,
        data={"address": address, "scope": token.scope, "token": token.hint, "name": token.name},
    )
    return token, text


# Tokens


def list_tokens(user: Any = None) -> QuerySet[ApiToken]:
    """Of one user, or of all; the newest first."""
    tokens = ApiToken.objects.select_related("user").order_by("-created_at", "-pk")
    return tokens if user is None else tokens.filter(user_id=user.pk)


@transaction.atomic
def issue_token(
    owner: Any, *, name: str, scope: str | None = None, life: timedelta = DEFAULT_LIFE, actor: str
) -> tuple[ApiToken, str]:
    """A token for a user, and its text, which is shown once and not kept. It may at most what its owner may now, and
    that is the default; it lives two years at most. ValidationError without a name."""
    token, text = ApiToken.issue(owner, scope=scope, name=checked_name(name), expires_at=timezone.now() + life)
    of = "" if owner.username == actor else f" for {owner.username}"
    _changed(actor, owner.username, f"{actor} made the token {token.hint}… ({token.name}, {token.scope}){of}.")
    return token, text


def checked_name(name: str) -> str:
    """ValidationError with a sentence for the field `name`."""
    name = name.strip()
    if not name:
        raise ValidationError({"name": "Give the token a name: what will use it, such as `backup script`."})
    if len(name) > MAX_NAME_LENGTH:
        raise ValidationError({"name": f"A token's name has at most {MAX_NAME_LENGTH} characters."})
    try:
        return check_line(name)
    except ValueError as error:
        raise ValidationError({"name": str(error)}) from None


@transaction.atomic
def revoke_token(token: ApiToken, *, actor: str) -> None:
    """It lets in no longer, at once; who watches by it is cut off within seconds."""
    of = "" if token.user.username == actor else f" of {token.user.username}"
    _changed(actor, token.user.username, f"{actor} revoked the token {token.hint}… ({token.name}){of}.")
    token.delete()


def revoke_tokens(user: Any) -> int:
    """All tokens of a user, in the transaction and event of the caller. Returns how many of them still let in."""
    revoked = count_valid_tokens(user)
    ApiToken.objects.filter(user_id=user.pk).delete()
    return revoked


def lower_scopes(user: User) -> None:
    """To the role that a user has now: a token does not get back what was taken away, when the role is given again."""
    if user.role == Role.NONE:
        ApiToken.objects.filter(user=user).delete()
    higher = [role for role, rank in RANK.items() if rank > RANK[user.role]]
    ApiToken.objects.filter(user=user, scope__in=higher).update(scope=user.role)


def count_valid_tokens(user: Any) -> int:
    """How many tokens of a user let in now."""
    return ApiToken.objects.filter(user_id=user.pk, expires_at__gt=timezone.now()).count()


def revoked_tokens_text(count: int) -> str:
    """`2 tokens no longer let in`; empty for none."""
    if not count:
        return ""
    return f"{count} {'token' if count == 1 else 'tokens'} no longer {'lets' if count == 1 else 'let'} in"


# Browsers


@transaction.atomic
def record_sign_in(request: HttpRequest, user: User) -> None:
    """A browser has come in: remembered with its session, so that its user can end it from elsewhere."""
    address = request.META.get("REMOTE_ADDR", "")[:60]
    agent = request.headers.get("User-Agent", "")[:200]
    SignIn.objects.create(user=user, session_key=request.session.session_key or "", address=address, agent=agent)
    record_event(
        "user.signed_in",
        f"{user.username} signed in from {address or 'this machine'}.",
        actor=user.username,
        data={"address": address, "agent": agent},
    )


def sign_ins_of(user: Any) -> list[SignIn]:
    """Those whose session still lets in, newest first."""
    living = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return list(SignIn.objects.filter(user=user, session_key__in=living))


@transaction.atomic
def end_sign_in(sign_in: SignIn) -> None:
    Session.objects.filter(session_key=sign_in.session_key).delete()
    name = sign_in.user.username
    _changed(name, name, f"{name} ended a sign-in from {sign_in.address or 'this machine'}.")
    sign_in.delete()


def end_sign_ins(user: User, *, but: str | None = None) -> None:
    """Of a user whose password is another now; none is listed that lets in no longer."""
    others = SignIn.objects.filter(user=user).exclude(session_key=but or "")
    Session.objects.filter(session_key__in=list(others.values_list("session_key", flat=True))).delete()
    others.delete()


@transaction.atomic
def record_password_change(user: User, before: str | None, session_key: str | None) -> int:
    """This browser's session has another key than `before`; those of others end, and all tokens. How many tokens."""
    SignIn.objects.filter(user=user, session_key=before).update(session_key=session_key)
    end_sign_ins(user, but=session_key)
    revoked = revoke_tokens(user)
    also = f"; {text}" if (text := revoked_tokens_text(revoked)) else ""
    _changed(user.username, user.username, f"{user.username} changed their password{also}.")
    return revoked


def _changed(actor: str, subject: str, message: str) -> None:
    record_event("user.changed", message, subject=subject, actor=actor)
