from __future__ import annotations

import uuid6
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from cameras.models import Camera

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Schedule(models.Model):
    """What a camera should capture, and in which part of which nights. The planner makes the runs from it.

    `programme`, `window` and `moon` are as in `scheduler.schedules.resource`.
    """

    class OnHeld(models.TextChoices):
        WAIT = "wait"
        TAKE_OVER = "take_over"

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=60)
    enabled = models.BooleanField(default=True)
    priority = models.SmallIntegerField(default=0, help_text="Of two runs at the same time the higher one wins.")
    cameras = models.ManyToManyField(Camera, related_name="schedules")
    programme = models.JSONField()
    window = models.JSONField()
    moon = models.JSONField(null=True, blank=True)
    weekdays = models.JSONField(default=list, blank=True, help_text="Of the evening; empty: all.")
    first_night = models.DateField(null=True, blank=True)
    last_night = models.DateField(null=True, blank=True)
    on_held = models.CharField(
        max_length=10, choices=OnHeld, default=OnHeld.WAIT, help_text="What a run does while someone holds the camera."
    )
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-priority", "name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="one_schedule_of_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def camera_slugs(self) -> list[str]:
        return sorted(camera.slug for camera in self.cameras.all() if camera.removed_at is None)


class NightChange(models.Model):
    """What an operator has changed for one night of a schedule: skipped, or begun or ended at another time."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="changes")
    night = models.DateField()
    skip = models.BooleanField(default=False)
    begins_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["night", "id"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "night"], name="one_change_of_a_night_of_a_schedule"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule} {self.night}"
