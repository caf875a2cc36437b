"""Signing in, for a token or with a browser. Every try, good or bad, is an event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from monitoring.services import record_event
from skycam_project.access.models import ApiToken, Role, SignIn, User


class Denied(Exception):
    """The name or the password is wrong; it is not said which."""

    def __init__(self) -> None:
        super().__init__("This name and password do not belong together, or the account has no role.")


def sign_in(
    username: str, password: str, address: str, *, scope: str = Role.MANAGER, name: str = "", life: timedelta
) -> tuple[ApiToken, str]:
    """A new token and its text. Denied when name and password do not let in. Slow, since a password is hashed."""
    user: Any = authenticate(username=username, password=password)
    if user is None or not user.may(Role.VIEWER):
        denied(username, address)
        raise Denied
    return _let_in(user, address, scope, name, timezone.now() + life)


@transaction.atomic
def _let_in(user: User, address: str, scope: str, name: str, expires_at: object) -> tuple[ApiToken, str]:
    ApiToken.objects.filter(user=user, expires_at__lte=timezone.now()).delete()
    token, text = ApiToken.issue(user, scope=scope, name=name, expires_at=expires_at)
    record_event(
        "user.signed_in",
        f"{user.username} got the token {token.hint}… from {address or 'this machine'}.",
        actor=user.username,
        data={"address": address, "scope": scope, "token": token.hint},
    )
    return token, text


def denied(username: str, address: str) -> None:
    username = username.replace("\0", "\ufffd")  # PostgreSQL stores no NUL
    record_event(
        "user.denied",
        f"Somebody at {address or 'this machine'} was not let in as {username!r}.",
        severity="warning",
        data={"address": address, "username": username},
    )


@transaction.atomic
def new_token(user: User, *, scope: str, name: str, life: timedelta) -> tuple[ApiToken, str]:
    """For somebody who is signed in already. The text is shown once and not kept."""
    token, text = ApiToken.issue(user, scope=scope, name=name, expires_at=timezone.now() + life)
    _changed(user, f"{user.username} made the token {token.hint}… ({scope}).")
    return token, text


@transaction.atomic
def revoke_token(user: Any, token: int) -> bool:
    """False when the user has no such token."""
    found = ApiToken.objects.filter(pk=token, user=user).first()
    if found is None:
        return False
    _changed(user, f"{user.username} revoked the token {found.hint}….")
    found.delete()
    return True


@transaction.atomic
def note_sign_in(request: HttpRequest, user: User) -> None:
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
    _changed(sign_in.user, f"{sign_in.user.username} ended a sign-in from {sign_in.address or 'this machine'}.")
    sign_in.delete()


def end_sign_ins(user: User, *, but: str | None = None) -> None:
    """Of a user whose password is another now; none is listed that lets in no longer."""
    others = SignIn.objects.filter(user=user).exclude(session_key=but or "")
    Session.objects.filter(session_key__in=list(others.values_list("session_key", flat=True))).delete()
    others.delete()


@transaction.atomic
def password_changed(user: User, before: str | None, session_key: str | None) -> None:
    """This browser's session has another key than `before`; those of others end."""
    SignIn.objects.filter(user=user, session_key=before).update(session_key=session_key)
    end_sign_ins(user, but=session_key)
    _changed(user, f"{user.username} changed their password.")


def _changed(user: User, message: str) -> None:
    record_event("user.changed", message, subject=user.username, actor=user.username)
