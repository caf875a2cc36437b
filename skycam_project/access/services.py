"""Signing in for a token. Every try, good or bad, is an event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.db import transaction
from django.utils import timezone

from monitoring.services import record_event
from skycam_project.access.models import ApiToken, Role, User


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
        _denied(username, address)
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


def _denied(username: str, address: str) -> None:
    record_event(
        "user.denied",
        f"Somebody at {address or 'this machine'} was not let in as {username!r}.",
        severity="warning",
        data={"address": address, "username": username},
    )
