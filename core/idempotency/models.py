"""A request with an Idempotency-Key is a row: what was requested, and its answer."""

from __future__ import annotations

import uuid6
from django.conf import settings
from django.db import models
from django.utils import timezone


class IdempotentRequest(models.Model):
    """A request and its answer, by user and key.

    While the view runs, the row is `running` and has a lease. A lease that has ended means that the web part was
    killed, or that the answer was not final: a repetition then runs the view again, with the same `resource_id`.
    """

    class State(models.TextChoices):
        """A running request becomes an answered one, or is removed."""

        RUNNING = "running"
        ANSWERED = "answered"

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    # Not the name: a user who gets the name of a removed one must not get that user's answers.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=120)
    method = models.CharField(max_length=10)
    route = models.CharField(max_length=200, help_text="With its placeholders.")
    fingerprint = models.CharField(max_length=64, help_text="HMAC-SHA-256 of method, path, query and body.")
    resource_id = models.UUIDField(default=uuid6.uuid7, help_text="Reserved for the row that the request creates.")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    attempts = models.PositiveIntegerField(default=1, help_text="How often the view was run.")
    lease_until = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of the answer.")
    # Not a JSONField: PostgreSQL would sort its keys, and a repetition gets the same bytes.
    body = models.TextField(blank=True, help_text="Of the answer, JSON.")
    headers = models.JSONField(default=dict, blank=True, help_text="Of the answer.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["created_at"], name="idempotent_created"),
            models.Index(fields=["user", "-created_at", "-id"], name="idempotent_user_newest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_request_for_each_key_of_a_user"),
            models.CheckConstraint(
                condition=models.Q(state="running", lease_until__isnull=False, status__isnull=True)
                | models.Q(state="answered", lease_until__isnull=True, status__isnull=False),
                name="a_request_has_a_lease_or_an_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.state}"
