"""Users with one role each, tokens of which only the hash is stored, and sign-ins."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

import uuid6
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from core import database_clock
from core.text.names import RESERVED_USER_NAMES, is_reserved

DEFAULT_LIFE = timedelta(days=365)
MAX_LIFE = timedelta(days=730)
"""The longest life of a token. A longer one is cut to it."""


class Role(models.TextChoices):
    NONE = "none", "No access"
    VIEWER = "viewer", "Viewer: watches cameras, sees pictures and events"
    OPERATOR = "operator", "Operator: controls cameras, sessions, settings"
    MANAGER = "manager", "Manager: adds cameras, deletes, archives, manages users"


def check_not_reserved(name: str) -> None:
    if is_reserved(name):
        raise ValidationError(f"{name} is a name that the station uses for itself. Choose another.")


RANK = {Role.NONE.value: 0, Role.VIEWER.value: 1, Role.OPERATOR.value: 2, Role.MANAGER.value: 3}


PROGRAMS = {"Firefox": "Firefox", "Edg": "Edge", "OPR": "Opera", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS": "macOS",
    "Linux": "Linux",
}
"""Parts of a User-Agent -> what the page shows. The more specific ones come first."""


def lower_of(role: str, other: str) -> str:
    return min(role, other, key=RANK.__getitem__)


class User(AbstractUser):
    username = models.CharField(
        max_length=150,
        unique=True,
        validators=[UnicodeUsernameValidator(), check_not_reserved],
        error_messages={"unique": "There is a user of this name already."},
    )
    role = models.CharField(max_length=10, choices=Role, default=Role.NONE)

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                # Validators run only in full_clean(); the constraint holds for each way into the table.
                condition=~models.Q(username__in=sorted(RESERVED_USER_NAMES)),
                name="no_user_has_a_name_of_the_station",
                violation_error_message="This is a name that the station uses for itself. Choose another.",
            ),
        ]

    def may(self, role: str) -> bool:
        """Whether this user's role is at least `role`."""
        return self.is_active and RANK[self.role] >= RANK[role]


class ApiToken(models.Model):
    """Credentials of a program. `scope` caps what it may do: at most the role that its user had when the token was
    made, and at most the role that the user has when it is used."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=8, editable=False, help_text="The first characters, to tell tokens apart.")
    name = models.CharField(max_length=80, help_text="What uses it.")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    scope = models.CharField(max_length=10, choices=Role)
    address = models.CharField(max_length=60, blank=True, editable=False, help_text="Where it was requested from.")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    text = ""
    """Of one that was just made."""

    def __str__(self) -> str:
        return f"{self.user} {self.hint}…"

    @staticmethod
    def digest_of(text: str) -> str:
        # Without salt, so that an index finds it, and without stretching: the text has 256 random bits.
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def issue(
        cls,
        user: User,
        *,
        name: str = "Unnamed",
        scope: str | None = None,
        expires_at: datetime | None = None,
        address: str = "",
    ) -> tuple[ApiToken, str]:
        """A new token and its text, which is shown once and not stored. Without a scope it gets its user's role."""
        text = f"skycam_{secrets.token_urlsafe(32)}"
        now = database_clock.estimate()
        token = cls.objects.create(
            user=user,
            digest=cls.digest_of(text),
            # After `skycam_`.
            hint=text[7:13],
            name=name,
            scope=lower_of(scope or user.role, user.role),
            address=address[:60],
            expires_at=min(expires_at or now + DEFAULT_LIFE, now + MAX_LIFE),
        )
        token.text = text
        return token, text

    @property
    def expired(self) -> bool:
        return self.expires_at <= database_clock.estimate()


class SignIn(models.Model):
    """A browser that has signed in: its session and its address."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, db_index=True, editable=False)
    address = models.CharField(max_length=60, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.user} from {self.address}"

    @property
    def browser(self) -> str:
        """`Firefox on Linux`, as far as its User-Agent says so."""
        program = next((name for mark, name in PROGRAMS.items() if mark in self.agent), "A browser")
        system = next((name for mark, name in SYSTEMS.items() if mark in self.agent), "an unknown system")
        return f"{program} on {system}"


class DeniedHour(models.Model):
    """The number of sign-ins that were refused within an hour. Those beyond MAX_SINGLE_EVENTS share one event."""

    began_at = models.DateTimeField(unique=True)
    count = models.PositiveIntegerField(default=0)
    names = models.JSONField(default=dict, help_text="Tried name -> number of attempts without an event of their own.")
    addresses = models.JSONField(default=dict, help_text="Address -> number of attempts without an event of their own.")

    def __str__(self) -> str:
        return f"{self.count} from {self.began_at:%Y-%m-%d %H:%MZ}"
