from __future__ import annotations

import uuid6
from django.db import models


class StoredPlan(models.Model):
    """A cleanup plan that a person may execute until it expires, once."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    host = models.CharField(max_length=60)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    made_by = models.CharField(max_length=150, blank=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of its files and their rules.")
    items = models.BinaryField(help_text="Its files, compressed.")
    conditions = models.JSONField(default=dict, help_text="What its rules relied on.")
    skipped = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="The first files that a rule selects and something keeps.",
    )
    problems = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="Why nothing is deleted in a root.",
    )
    job = models.CharField(max_length=36, blank=True, help_text="The job that executes it.")

    def __str__(self) -> str:
        return f"{self.host} {self.made_at:%Y-%m-%d %H:%M:%SZ}"


class HostClock(models.Model):
    """When the clock of a host was last trusted: see `captures.storage.retention.clock_guard`."""

    host = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    boot = models.CharField(max_length=36)
    boot_s = models.FloatField(help_text="The boot clock at that time.")
    step_s = models.FloatField(help_text="How far ahead the clock may be set within this boot.")
    confirmed = models.BooleanField(help_text="Whether the kernel or a person has ever confirmed the time.")

    def __str__(self) -> str:
        return f"{self.host} {self.at:%Y-%m-%d %H:%M:%SZ}"
