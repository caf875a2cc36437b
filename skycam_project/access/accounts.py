"""Adds, changes and removes users. Each change writes an event, without passwords."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from core.events.service import record_event
from core.idempotency.models import IdempotentRequest
from core.slices import delete_in_slices
from skycam_project.access.models import Role, User
from skycam_project.access.services import end_sign_ins, lower_scopes, revoke_tokens, revoked_tokens_text

LAST_MANAGER = "{name} is the last manager. Make someone else a manager first."


@dataclass(frozen=True, slots=True)
class UserChange:
    """`password` is the generated one, or None; `revoked` is how many valid tokens were revoked."""

    user: User
    password: str | None
    revoked: int


def users_for(user: Any) -> QuerySet[User]:
    """By name: managers see all users, others themselves."""
    users = User.objects.order_by("username")
    return users if user.may(Role.MANAGER) else users.filter(pk=user.pk)


@transaction.atomic
def add_user(name: str, role: str, password: str | None = None, *, actor: str) -> tuple[User, str | None]:
    """A new user, and the generated password, or None. ValidationError with a sentence for each bad field."""
    # As Django's sign-in form does: a name stored in another form could not sign in there.
    user = User(username=unicodedata.normalize("NFKC", name))
    set_role(user, role)
    generated = set_password(user, password)
    # save() validates nothing.
    user.full_clean()
    user.save()
    record_event("user.changed", f"{actor} added the user {user} as {role}.", camera=None, subject=user, actor=actor)
    return user, generated


@transaction.atomic
def change_user(
    user: User, *, role: str | None = None, password: str | None = None, reset: bool = False, actor: str
) -> UserChange:
    """Set a role, a password, or both; `reset` generates a password and returns it. A new password ends all sign-ins
    and tokens of the user. ValidationError; User.DoesNotExist when the user has been removed meanwhile."""
    done, generated, revoked = [], None, 0
    if role is not None:
        # First, because it locks all managers in one order: with this row locked before, two changes could wait for
        # each other.
        check_a_manager_remains(user, role)
    # Read again: save() writes all columns, and another manager may have changed some since the caller read them.
    user = User.objects.select_for_update().get(pk=user.pk)
    if role is not None:
        set_role(user, role)
        lower_scopes(user)
        done.append(f"made {user} {role}")
    if password is not None or reset:
        generated = set_password(user, password)
        end_sign_ins(user)
        revoked = revoke_tokens(user)
        also = f" ({text})" if (text := revoked_tokens_text(revoked)) else ""
        done.append(f"gave {user} a new password{also}")
    user.save()
    record_event("user.changed", f"{actor} {' and '.join(done)}.", camera=None, subject=user, actor=actor)
    return UserChange(user, generated, revoked)


def remove_user(user: User, actor: str) -> None:
    """Remove a user and their tokens; their events stay in the log. ValidationError for the last manager;
    User.DoesNotExist when the user has been removed meanwhile."""
    with transaction.atomic():
        check_a_manager_remains(user, Role.NONE)
    # Before the rest: a program may have ten thousand.
    delete_in_slices(IdempotentRequest.objects.filter(user=user))
    _remove_user(user, actor)


@transaction.atomic
def _remove_user(user: User, actor: str) -> None:
    check_a_manager_remains(user, Role.NONE)
    User.objects.select_for_update().get(pk=user.pk).delete()
    record_event("user.changed", f"{actor} removed the user {user}.", camera=None, subject=user, actor=actor)


def check_a_manager_remains(user: User, role: str) -> None:
    """ValidationError when `user` with this role would leave the station without a manager. All managers are locked, in
    one order, so that no other transaction removes one before the caller's ends."""
    managers = User.objects.filter(role=Role.MANAGER, is_active=True).order_by("pk")
    # SQLite ignores select_for_update(). There the transaction holds the write lock from its begin (IMMEDIATE).
    locked = list(managers.select_for_update().values_list("pk", flat=True))
    if role != Role.MANAGER and locked == [user.pk]:
        raise ValidationError(LAST_MANAGER.format(name=user.username))


def set_role(user: User, role: str) -> None:
    """Only managers may use the Django admin."""
    user.role = role
    user.is_staff = user.is_superuser = role == Role.MANAGER


def set_password(user: User, password: str | None) -> str | None:
    """Validate and set the password; without one, generate one and return it. ValidationError."""
    if password is None:
        # Not validated: 96 random bits need no rules.
        generated = secrets.token_urlsafe(12)
        user.set_password(generated)
        return generated
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from None
    user.set_password(password)
    return None
