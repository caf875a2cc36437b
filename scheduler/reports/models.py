from __future__ import annotations

from django.db import models
from django.utils import timezone

from cameras.models import Camera


class ReportedNight(models.Model):
    """A night whose report is written as a file."""

    night = models.DateField(primary_key=True, help_text="The local date of the evening.")
    fingerprint = models.CharField(max_length=64, help_text="Of the ledger: another one is reported again.")
    sentence = models.TextField()
    reported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-night"]

    def __str__(self) -> str:
        return f"{self.night}: {self.sentence}"


class CameraNight(models.Model):
    """What one camera did in a night that is reported: the calendar and the comparison with other nights read it."""

    night = models.ForeignKey(ReportedNight, on_delete=models.CASCADE, related_name="cameras")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="nights")
    planned = models.PositiveIntegerField()
    saved = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    skipped = models.PositiveIntegerField()
    missing = models.PositiveIntegerField(default=0, help_text="About how many captures no row counts.")
    is_complete = models.BooleanField()
    lost_s = models.FloatField(help_text="Seconds in which captures were lost.")
    lost_by_reason = models.JSONField(default=dict, help_text="Reason -> seconds.")

    class Meta:
        ordering = ["night", "camera"]
        constraints = [
            models.UniqueConstraint(fields=["night", "camera"], name="one_row_for_each_camera_of_a_night"),
        ]

    def __str__(self) -> str:
        return f"{self.camera_id} {self.night_id}: {self.saved} of {self.planned}"
