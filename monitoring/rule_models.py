"""Rules that open alerts, and maintenance windows in which they do not."""

from __future__ import annotations

import uuid6
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class AlertRule(models.Model):
    """What is to be watched. `kind` is one of RULE_KINDS (monitoring/alert_rules/kinds.py)."""

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
