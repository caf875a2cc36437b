"""Storage roots, which files go to which, and where the only copy of a file is."""

from __future__ import annotations

import uuid6
from django.db import models
from django.utils import timezone


class Kept(models.TextChoices):
    """`moving`: its verified copy counts already, and the file here is about to be deleted."""

    HERE = "here"
    MOVING = "moving"
    OFFSITE = "offsite"


class StorageRoot(models.Model):
    """A folder for files. Its marker file holds the row's UUID; without the file the root is unmounted."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    host = models.CharField(max_length=60)
    path = models.CharField(max_length=1000)
    exhausted = models.BooleanField(
        default=False, help_text="The disk is full and no clip may be deleted: rolling recording is suspended."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "path"], name="one_root_for_each_folder_of_a_host"),
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.path}"


class StorageClass(models.TextChoices):
    """What kind of new file goes to a root."""

    CAPTURES = "captures"
    CLIPS = "clips"
    ARCHIVES = "archives"
    PRODUCTS = "products"


class StorageAssignment(models.Model):
    """New files of a storage class on a host go to `root`, a root of that host. A class without an assignment uses the
    root of captures. Files that exist stay in the root that their row names."""

    host = models.CharField(max_length=60)
    storage_class = models.CharField(max_length=10, choices=StorageClass)
    root = models.ForeignKey(StorageRoot, on_delete=models.CASCADE, related_name="assignments")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "storage_class"], name="one_root_for_each_class_of_a_host"),
            models.CheckConstraint(
                condition=models.Q(storage_class__in=["captures", "clips", "archives", "products"]),
                name="a_storage_class_that_exists",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.storage_class} of {self.host}: {self.root}"
