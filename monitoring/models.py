"""The models of the app: rules that open alerts, maintenance windows, notification channels, routes, deliveries and
silences; with those of events and alerts, of sensors and of web-hooks, which have their own modules."""

from __future__ import annotations

from datetime import datetime

import uuid6
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from core.camera_refs import AboutCameras
from core.events.models import Alert, Event
from core.secrets import SecretsField
from core.text.sentences import cameras_text, join_sentences
from monitoring.notification_states import NotificationKind, NotificationState
from monitoring.sensor_models import DueAggregate, Reading, ReadingAggregate, ReadingQuality, Sensor, SensorChannel
from monitoring.webhook_models import DeliveryState, Webhook, WebhookAttempt, WebhookDelivery

__all__ = [
    "Alert",
    "AlertRule",
    "AlertSilence",
    "DeliveryState",
    "DueAggregate",
    "Event",
    "MaintenanceWindow",
    "NotificationChannel",
    "NotificationDelivery",
    "NotificationKind",
    "NotificationRoute",
    "NotificationState",
    "Reading",
    "ReadingAggregate",
    "ReadingQuality",
    "Sensor",
    "SensorChannel",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
]


class AlertRule(models.Model):
    """What is to be watched. `kind` is one of RULE_KINDS (monitoring/alert_rules/rule.py)."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=60, unique=True, help_text="Its id: lower-case letters, digits, hyphens.")
    label = models.CharField(max_length=80, blank=True, help_text="Begins the sentence of its alerts.")
    kind = models.CharField(max_length=30)
    subject = models.CharField(max_length=200, default="*", help_text="What it concerns; * and ? are wildcards.")
    threshold = models.FloatField()
    clear = models.FloatField(null=True, blank=True, help_text="Value that closes the alert; the threshold if empty.")
    for_s = models.FloatField(default=0.0, help_text="Seconds that the value must be beyond the threshold.")
    clear_for_s = models.FloatField(default=0.0, help_text="Seconds that the value must be clear.")
    severity = models.CharField(max_length=10, default="warning")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    open_alerts: int
    subjects: list[str] | None
    unit: str
    """The last three are of rules that `with_status` has read."""

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(for_s__gte=0, clear_for_s__gte=0), name="rule_durations_are_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MaintenanceWindow(models.Model):
    """A time in which rules open no alerts for the subjects that match. Alerts that are open already stay open."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    subject = models.CharField(max_length=200, default="*", help_text="As in a rule: a sensor, camera, host or disk.")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-begins_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("begins_at")), name="a_window_ends_after_its_begin"),
        ]
        indexes = [models.Index(fields=["ends_at"], name="maintenance_window_end")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.begins_at:%Y-%m-%d %H:%M}"

    @property
    def running(self) -> bool:
        return self.begins_at < timezone.now() < self.ends_at


STATES = [(one.value, one.name.capitalize()) for one in NotificationState]
KINDS = [(one.value, one.name.capitalize()) for one in NotificationKind]


class NotificationChannel(models.Model):
    """A way to reach a person or a program: a mail server with its recipients, a web-hook, a topic.

    While a host sends, `worker` has a lease until `lease_until`: a channel sends one message at a time.
    """

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=20, help_text="An entry of CHANNEL_KINDS.")
    settings_shown = models.JSONField(default=dict, help_text="The settings without their secrets.")
    settings_encrypted = SecretsField(
        help_text="All settings.", use="notification channel", place=lambda channel: channel.kind
    )
    enabled = models.BooleanField(default=True)
    failing_since = models.DateTimeField(null=True, blank=True, help_text="The first failure since the last success.")
    last_error = models.CharField(max_length=500, blank=True, help_text="Empty after a success.")
    last_sent_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    pending: int
    """What waits to be sent, of channels that `with_pending` has read."""

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class NotificationRoute(models.Model):
    """Which alerts go to a channel. An alert goes to the first route that matches, and to later ones while the routes
    that matched have `continue_matching`. A route without conditions at the end is the default route."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=60, unique=True)
    position = models.PositiveIntegerField(default=0, help_text="Routes are tried in this order.")
    enabled = models.BooleanField(default=True)
    channel = models.ForeignKey(NotificationChannel, models.CASCADE, related_name="routes")
    continue_matching = models.BooleanField(default=False, help_text="Whether later routes are tried, too.")
    severity = models.CharField(max_length=10, default="warning", help_text="The lowest severity that matches.")
    key_prefix = models.CharField(max_length=120, blank=True, help_text="The beginning of the alert's key.")
    camera = models.CharField(max_length=60, blank=True, help_text="A camera's slug.")
    host = models.CharField(max_length=64, blank=True)
    active_from = models.CharField(max_length=5, blank=True, help_text="HH:MM at the site. Empty: at all times.")
    active_until = models.CharField(max_length=5, blank=True)
    quiet_from = models.CharField(max_length=5, blank=True, help_text="HH:MM at the site. Empty: no quiet hours.")
    quiet_until = models.CharField(max_length=5, blank=True)
    group_wait_s = models.PositiveIntegerField(default=10)
    repeat_every_s = models.PositiveIntegerField(default=0, help_text="0: no repetition.")
    escalate_after_s = models.PositiveIntegerField(default=0, help_text="0: no escalation.")
    escalate_to = models.ForeignKey(
        NotificationChannel, models.SET_NULL, null=True, blank=True, related_name="escalations"
    )
    notify_resolved = models.BooleanField(default=True)
    attach_picture = models.BooleanField(default=True)
    night_reports = models.BooleanField(default=False, help_text="Whether its channel gets the reports of nights.")

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class NotificationDelivery(models.Model):
    """One alert, or one report, for one channel. Deliveries that are due together are sent in one message.

    `tries` counts the attempts, each before it begins. Alerts are no foreign key: they may be removed earlier.
    """

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    channel = models.ForeignKey(NotificationChannel, models.CASCADE, related_name="deliveries", db_index=False)
    route = models.ForeignKey(NotificationRoute, models.SET_NULL, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=10, choices=KINDS)
    alert = models.UUIDField(null=True, blank=True, help_text="Id of the alert; none for reports and tests.")
    sequence = models.PositiveIntegerField(default=0, help_text="The number of the repetition, from 1.")
    text = models.TextField(blank=True, help_text="The message of a report or a test.")
    night = models.DateField(null=True, blank=True, help_text="The night of a report.")
    state = models.CharField(max_length=10, choices=STATES, default=NotificationState.PENDING)
    tries = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(default=timezone.now, help_text="When the next attempt is due.")
    error = models.CharField(max_length=500, blank=True, help_text="Why it failed, or why its last attempt did.")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["channel", "not_before"], condition=models.Q(state="pending"), name="notification_pending"
            ),
            models.Index(fields=["channel", "-created_at", "-id"], name="notification_newest"),
            models.Index(fields=["alert"], name="notification_alert"),
            models.Index(fields=["ended_at"], name="notification_ended"),
        ]
        constraints = [
            # The database holds it, because several hosts plan repetitions: one notification for one opening.
            models.UniqueConstraint(
                fields=["channel", "alert", "kind", "sequence"],
                condition=models.Q(alert__isnull=False),
                name="one_notification_for_each_opening",
            ),
            models.CheckConstraint(
                condition=models.Q(state="pending", ended_at__isnull=True)
                | (~models.Q(state="pending") & models.Q(ended_at__isnull=False)),
                name="a_notification_has_an_end_unless_it_is_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

    @property
    def next_at(self) -> datetime | None:
        """When the next attempt is due, while it waits."""
        return self.not_before if self.state == NotificationState.PENDING else None


class AlertSilence(AboutCameras):
    """While it is active, alerts that match all given conditions open and are shown, but no one is notified.

    Without `ends_at` it ends when the alert `key` resolves.
    """

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    key = models.CharField(max_length=120, blank=True, help_text="The key of an alert.")
    key_prefix = models.CharField(max_length=120, blank=True, help_text="The beginning of keys.")
    reason = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True, help_text="Empty when it ended by itself.")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["ends_at"], condition=models.Q(ended_at=None), name="silence_active")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(key="") | ~models.Q(key_prefix="") | ~models.Q(camera=""),
                name="a_silence_has_a_condition",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=False) | ~models.Q(key=""), name="a_silence_ends_by_itself"
            ),
        ]

    def __str__(self) -> str:
        return self.key or join_sentences([f"{self.key_prefix}*", cameras_text(self.camera_refs[:1])])
