"""Who may come in, as rows: each change with its event. A password is in none of them."""

from __future__ import annotations

import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from monitoring.services import record_event
from skycam_project.access.models import Role, User
from skycam_project.access.services import end_sign_ins


@transaction.atomic
def add_user(name: str, role: str, password: str | None = None, *, actor: str) -> tuple[User, str | None]:
    """A new user, and the password when one was made up. ValidationError with a sentence for each bad field."""
    user = User(username=name)
    give_role(user, role)
    generated = give_password(user, password)
    user.full_clean()
    user.save()
    record_event("user.changed", f"{actor} added the user {name} as {role}.", subject=name, actor=actor)
    return user, generated


@transaction.atomic
def change_user(
    user: User, *, role: str | None = None, password: str | None = None, reset: bool = False, actor: str
) -> tuple[User, str | None]:
    """A new role, a new password, or both; `reset` makes a password up, which comes back. ValidationError."""
    done, generated = [], None
    if role is not None:
        give_role(user, role)
        done.append(f"made {user} {role}")
    if password is not None or reset:
        generated = give_password(user, password)
        end_sign_ins(user)
        done.append(f"gave {user} a new password")
    user.save()
    record_event("user.changed", f"{actor} {' and '.join(done)}.", subject=user, actor=actor)
    return user, generated


@transaction.atomic
def remove_user(user: User, *, actor: str) -> None:
    """The user and their tokens; what they did stays in the event log."""
    name = user.username
    user.delete()
    record_event("user.changed", f"{actor} removed the user {name}.", subject=name, actor=actor)


def give_role(user: User, role: str) -> None:
    """A manager may also use the Django admin; nobody else."""
    user.role = role
    user.is_staff = user.is_superuser = role == Role.MANAGER


def give_password(user: User, password: str | None) -> str | None:
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
