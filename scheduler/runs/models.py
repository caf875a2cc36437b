from __future__ import annotations

import uuid6
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from cameras.models import Camera
from scheduler.schedules.models import Schedule


class PlannedRun(models.Model):
    """A session to come, which its camera begins by itself. The session has the id of its run."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="planned_runs")
    name = models.CharField(max_length=120, blank=True)
    programme = models.JSONField(help_text="Without windows.")
    windows = models.JSONField(help_text="Pairs of begin and end, ISO 8601, in their order.")
    begins_at = models.DateTimeField(help_text="The begin of the first window.")
    ends_at = models.DateTimeField(help_text="The end of the last window.")
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    on_held = models.CharField(max_length=10, choices=Schedule.OnHeld, default=Schedule.OnHeld.WAIT, db_default="wait")
    schedule = models.ForeignKey(Schedule, on_delete=models.SET_NULL, null=True, related_name="runs")
    night = models.DateField(null=True, help_text="The local date of the evening.")
    part = models.PositiveSmallIntegerField(default=0, help_text="Of several runs of a night, divided by other runs.")

    class Meta:
        ordering = ["begins_at", "id"]
        indexes = [models.Index(fields=["camera", "ends_at"], name="planned_runs_by_end")]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("begins_at")), name="a_planned_run_ends_after_its_begin"),
        ]

    def __str__(self) -> str:
        return f"{self.camera.slug} {self.name or self.id} {self.begins_at:%Y-%m-%d %H:%MZ}"
