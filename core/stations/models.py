"""What the database knows of the station that it belongs to."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class StationRecord(models.Model):
    """The station that the database belongs to: one row, written by the first preparation."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    station = models.CharField(max_length=60, help_text="The station's id.")
    secret_fingerprint = models.CharField(
        max_length=64, blank=True, help_text="Of the secret that encrypts addresses; the secret itself is not stored."
    )
    schema = models.PositiveIntegerField(help_text="The highest schema number whose migrations were applied.")
    protocol = models.PositiveIntegerField(help_text="The protocol number of the version that applied them.")
    migrated_by = models.CharField(max_length=36, blank=True, help_text="Id of the installation that applied them.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_station_for_each_database")]

    def __str__(self) -> str:
        return self.station


class StationLease(models.Model):
    """Work that exactly one process of the station does. Times are those of the database's clock."""

    name = models.CharField(max_length=40, primary_key=True, help_text="The work.")
    holder = models.CharField(max_length=200, blank=True, help_text="The host and process that does it.")
    epoch = models.PositiveBigIntegerField(default=0, help_text="Fencing token: grows with each new holder.")
    held_since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} {self.holder}"
