"""Web-hooks, their deliveries and the attempts of each. `monitoring/webhooks/` has all that is done with them."""

from __future__ import annotations

from datetime import datetime

import uuid6
from django.db import models
from django.utils import timezone

from core.secrets import SecretsField


class DeliveryState(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


DELIVERY_TRANSITIONS: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.CANCELLED}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.PENDING}),
    DeliveryState.FAILED: frozenset({DeliveryState.PENDING}),
    DeliveryState.CANCELLED: frozenset({DeliveryState.PENDING}),
}
"""State -> the states that may follow. A delivery that has ended is pending again when a manager replays it."""


INSECURE = "The address begins with http: the events, and the login of the address, cross the network in clear text."
KEYS = "key of a web-hook"
"""Of both columns: a rotation moves the key from one to the other."""


class Webhook(models.Model):
    """An address outside of the station that gets the events of some kinds. A removed one has no address and no secret
    any more; its row stays until the retention has removed its deliveries."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=60)
    url_shown = models.CharField(max_length=2000, blank=True, help_text="The address without its secrets.")
    url_encrypted = SecretsField(blank=True, use="address of a web-hook")
    secret_encrypted = SecretsField(blank=True, help_text="The key of the signatures.", use=KEYS)
    old_secret_encrypted = SecretsField(blank=True, help_text="The key before the last rotation.", use=KEYS)
    old_secret_until = models.DateTimeField(null=True, blank=True)
    kinds = models.JSONField(default=list, help_text="Kinds of events, and families such as `session.*`.")
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True, help_text="Why the station switched it off.")
    failing_since = models.DateTimeField(null=True, blank=True, help_text="The first failure since the last success.")
    overflowed_at = models.DateTimeField(null=True, blank=True, help_text="Since then its backlog is too long.")
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)
    secret: str
    """The key of the signatures, when it was just made."""
    pending: int
    last: WebhookDelivery | None
    """Pending deliveries, and the newest delivery, of web-hooks that `with_status` has read."""

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(removed_at__isnull=True), name="one_webhook_for_each_name"
            ),
            models.CheckConstraint(
                condition=models.Q(removed_at__isnull=True)
                | models.Q(enabled=False, url_encrypted="", secret_encrypted="", old_secret_encrypted=""),
                name="a_removed_webhook_has_no_secrets",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def warning(self) -> str:
        return INSECURE if self.url_shown.startswith("http:") else ""

    @property
    def state(self) -> str:
        """`off`, `gone` (switched off by the station), `failing`, `new` or `ok`."""
        if not self.enabled:
            return "gone" if self.disabled_reason else "off"
        if self.failing_since is not None:
            return "failing"
        return "ok" if self.last else "new"


class WebhookDelivery(models.Model):
    """One event for one web-hook. `tries` counts the attempts since the event, or since the last replay.

    While an attempt runs, `worker` has a lease until `lease_until`. Events are no foreign key: they may be removed
    earlier.
    """

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    event = models.UUIDField(help_text="Id of the event.")
    kind = models.CharField(max_length=60)
    body = models.BinaryField(help_text="The body of the request, as it is signed.")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    tries = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(default=timezone.now, help_text="When the next attempt is due.")
    hastened = models.BooleanField(default=False, help_text="It was tried early once, when its receiver worked again.")
    error = models.CharField(max_length=500, blank=True, help_text="Why it failed, or why its last attempt did.")
    worker = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    replayed_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            # `not_before` is in it so that the search for the oldest one that is due reads only the index.
            models.Index(
                fields=["webhook", "created_at", "id", "not_before"],
                condition=models.Q(state="pending"),
                name="delivery_pending",
            ),
            models.Index(fields=["webhook", "-created_at", "-id"], name="delivery_newest"),
            models.Index(fields=["webhook", "state", "-created_at", "-id"], name="delivery_state_newest"),
            models.Index(fields=["ended_at"], name="delivery_ended"),
        ]
        # The database holds them, because several hosts deliver, and requests change the same rows.
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="one_delivery_for_each_webhook_and_event"),
            models.UniqueConstraint(
                fields=["webhook"],
                condition=models.Q(lease_until__isnull=False),
                name="one_running_delivery_for_each_webhook",
            ),
            models.CheckConstraint(
                condition=models.Q(state="pending") | models.Q(lease_until__isnull=True),
                name="a_delivery_with_a_lease_is_pending",
            ),
            models.CheckConstraint(
                condition=models.Q(state="pending", ended_at__isnull=True)
                | (~models.Q(state="pending") & models.Q(ended_at__isnull=False)),
                name="a_delivery_has_an_end_unless_it_is_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

    @property
    def sending(self) -> bool:
        return self.lease_until is not None

    @property
    def next_at(self) -> datetime | None:
        """When the next attempt is due, while it waits."""
        return self.not_before if self.state == DeliveryState.PENDING else None

    @property
    def text(self) -> str:
        # PostgreSQL returns a memoryview.
        return bytes(self.body).decode(errors="replace")


class WebhookAttempt(models.Model):
    """One request. It is written before the request is sent: without `duration_s` its process was killed, or it still
    runs."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="attempts", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    duration_s = models.FloatField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status of the answer.")
    answer = models.TextField(blank=True, help_text="The beginning of the answer.")
    error = models.CharField(max_length=500, blank=True, help_text="Empty if it was delivered.")

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["delivery", "-at", "-id"], name="attempt_newest")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%SZ} {self.status or self.error}"
