from __future__ import annotations

from django.db import models
from django.utils import timezone


class StationSetting(models.Model):
    """A configuration key that was set on the page. It overrides the YAML file; the environment overrides it."""

    key = models.CharField(max_length=120, primary_key=True, help_text="As in YAML: camera_config.crf.")
    value = models.JSONField()
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["key"]
        db_table = "monitoring_stationsetting"  # its name since the app monitoring had it

    def __str__(self) -> str:
        return self.key
