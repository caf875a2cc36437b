"""How much is stored, as a history: one measurement for each day (UTC), the last one of that day."""

from __future__ import annotations

from django.db import models

from cameras.models import Camera
from captures.roots.models import StorageRoot


class StorageUsage(models.Model):
    """Files of one class of a camera in a root. Without a camera: files that have no rows. Without a root: logs."""

    host = models.CharField(max_length=60)
    root = models.ForeignKey(StorageRoot, on_delete=models.CASCADE, null=True, related_name="usage")
    file_class = models.CharField(max_length=20)
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, null=True, related_name="storage_usage")
    day = models.DateField()
    bytes = models.PositiveBigIntegerField()
    files = models.PositiveBigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["host", "day"], name="storage_usage_day")]
        constraints = [
            models.UniqueConstraint(
                fields=["root", "file_class", "camera", "day"],
                condition=models.Q(root__isnull=False, camera__isnull=False),
                name="one_usage_of_a_camera_for_each_day",
            ),
            models.UniqueConstraint(
                fields=["root", "file_class", "day"],
                condition=models.Q(root__isnull=False, camera=None),
                name="one_usage_without_camera_for_each_day",
            ),
            models.UniqueConstraint(
                fields=["host", "file_class", "day"],
                condition=models.Q(root=None),
                name="one_usage_without_root_for_each_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.host} {self.file_class} {self.day}: {self.bytes}"


class RootSpace(models.Model):
    """The space of the disk of a root, for the forecast."""

    root = models.ForeignKey(StorageRoot, on_delete=models.CASCADE, related_name="space")
    day = models.DateField()
    measured_at = models.DateTimeField()
    free_bytes = models.PositiveBigIntegerField()
    total_bytes = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["root", "day"], name="one_space_of_a_root_for_each_day")]

    def __str__(self) -> str:
        return f"{self.root} {self.day}: {self.free_bytes} free"
