"""Who may come in: users with one role each, and tokens of which only the hash is kept."""

from __future__ import annotations

import hashlib
import secrets

import uuid6
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone


class Role(models.TextChoices):
    NONE = "none", "No access"
    VIEWER = "viewer", "Viewer: looks"
    OPERATOR = "operator", "Operator: controls cameras, sessions, settings"
    MANAGER = "manager", "Manager: adds cameras, deletes, archives, manages users"


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
"""What is in the name that a browser gives itself, the more telling first."""


class User(AbstractUser):
    role = models.CharField(max_length=10, choices=Role, default=Role.NONE)

    def may(self, role: str) -> bool:
        """Whether this user's role is at least `role`."""
        return self.is_active and RANK[self.role] >= RANK[role]


class ApiToken(models.Model):
    """A program's way in. `scope` caps what it may do below its user's role."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=8, editable=False, help_text="The first characters, to tell tokens apart.")
    name = models.CharField(max_length=80, blank=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    scope = models.CharField(max_length=10, choices=Role, default=Role.MANAGER)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user} {self.hint}…"

    @staticmethod
    def digest_of(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def issue(cls, user: User, **fields: object) -> tuple[ApiToken, str]:
        """A new token and its text, which is shown once and not kept."""
        text = f"skycam_{secrets.token_urlsafe(32)}"
        token = cls.objects.create(user=user, digest=cls.digest_of(text), hint=text[7:13], **fields)
        return token, text

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class SignIn(models.Model):
    """A browser that has signed in: which session it holds, and where it came from."""

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
        """`Firefox on Linux`, as far as it says so."""
        program = next((name for mark, name in PROGRAMS.items() if mark in self.agent), "A browser")
        system = next((name for mark, name in SYSTEMS.items() if mark in self.agent), "an unknown system")
        return f"{program} on {system}"
