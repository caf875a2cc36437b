"""Who may come in, as rows: each change with its event. A password is in none of them."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from monitoring.services import record_event
from skycam_project.access.models import Role, User
from skycam_project.access.services import end_sign_ins, lower_scopes, revoke_tokens, revoked_tokens_text

LAST_MANAGER = "{name} is the last manager. Make somebody else a manager first."


@dataclass(frozen=True, slots=True)
class UserChange:
    """`password` is one that was made up; `revoked` is how many tokens let in until now."""

    user: User
    password: str | None
    revoked: int


@transaction.atomic
def add_user(name: str, role: str, password: str | None = None, *, actor: str) -> tuple[User, str | None]:
    """A new user, and the password when one was made up. ValidationError with a sentence for each bad field."""
    user = User(username=unicodedata.normalize("NFKC", name))
    set_role(user, role)
    generated = set_password(user, password)
    user.full_clean()
    user.save()
    record_event("user.changed", f"{actor} added the user {user} as {role}.", subject=user, actor=actor)
    return user, generated


@transaction.atomic
def change_user(
    user: User, *, role: str | None = None, password: str | None = None, reset: bool = False, actor: str
) -> UserChange:
    """A new role, a new password, or both; `reset` makes a password up, which comes back. With a new password all
    sign-ins and tokens of the user end. ValidationError; User.DoesNotExist when somebody has removed them since."""
    done, generated, revoked = [], None, 0
    if role is not None:
        check_a_manager_remains(user, role)
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
    record_event("user.changed", f"{actor} {' and '.join(done)}.", subject=user, actor=actor)
    return UserChange(user, generated, revoked)


@transaction.atomic
def remove_user(user: User, *, actor: str) -> None:
    """The user and their tokens; what they did stays in the event log. ValidationError for the last manager;
    User.DoesNotExist when somebody has removed them since."""
    check_a_manager_remains(user, Role.NONE)
    User.objects.select_for_update().get(pk=user.pk).delete()
    record_event("user.changed", f"{actor} removed the user {user}.", subject=user, actor=actor)


def check_a_manager_remains(user: User, role: str) -> None:
    """ValidationError when `user`, with that role, would leave the station without a manager. Until the caller's
    transaction ends nobody else takes a manager away: all of them are locked, in one order."""
    managers = User.objects.filter(role=Role.MANAGER, is_active=True).order_by("pk")
    locked = list(managers.select_for_update().values_list("pk", flat=True))
    if role != Role.MANAGER and locked == [user.pk]:
        raise ValidationError(LAST_MANAGER.format(name=user.username))


def set_role(user: User, role: str) -> None:
    """A manager may also use the Django admin; nobody else."""
    user.role = role
    user.is_staff = user.is_superuser = role == Role.MANAGER


def set_password(user: User, password: str | None) -> str | None:
    """Set the password, checked; or one that is made up here and returned."""
    if password is None:
        generated = secrets.token_urlsafe(12)
        user.set_password(generated)
        return generated
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from None
    user.set_password(password)
    return None
