from __future__ import annotations

import uuid6
from django.db import models
from django.utils import timezone


class StorageRoot(models.Model):
    """A folder for captures and clips. Its marker file holds the row's UUID; without the file the root is unmounted."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    host = models.CharField(max_length=60)
    path = models.CharField(max_length=1000)
    default = models.BooleanField(default=False, help_text="New captures of this host go here.")
    video = models.BooleanField(default=False, help_text="New clips of this host go here, not to its default.")
    exhausted = models.BooleanField(
        default=False, help_text="The disk is full and no clip may be deleted: rolling recording is suspended."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "path"], name="one_root_for_each_folder_of_a_host"),
            models.UniqueConstraint(
                fields=["host"], condition=models.Q(default=True), name="one_default_root_for_each_host"
            ),
            models.UniqueConstraint(
                fields=["host"], condition=models.Q(video=True), name="at_most_one_video_root_for_each_host"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.path}"
