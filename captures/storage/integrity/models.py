"""What a check of the storage found."""

from __future__ import annotations

import uuid6
from django.db import models

from cameras.models import Camera
from captures.roots.models import StorageRoot


class FindingKind(models.TextChoices):
    MISSING = "missing"
    UNTRACKED = "untracked"
    MISMATCHING = "mismatching"


class FindingState(models.TextChoices):
    OPEN = "open"
    ADOPTED = "adopted"
    SET_ASIDE = "set_aside"
    GONE = "gone"


FINDING_TRANSITIONS: dict[str, set[str]] = {
    "open": {"adopted", "set_aside", "gone"},
    "adopted": set(),
    "set_aside": set(),
    "gone": set(),
}
"""`gone`: a later check did not find it again."""


class IntegrityFinding(models.Model):
    """A row without its file, a file without a row, or a file that differs from its row."""

    Kind = FindingKind
    State = FindingState

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    host = models.CharField(max_length=60)
    root = models.ForeignKey(StorageRoot, on_delete=models.CASCADE)
    kind = models.CharField(max_length=12, choices=FindingKind)
    state = models.CharField(max_length=10, choices=FindingState, default=FindingState.OPEN)
    table = models.CharField(max_length=20, blank=True)
    row = models.CharField(max_length=36, blank=True, help_text="Key in the table.")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, null=True)
    path = models.TextField(help_text="In the root, printable.")
    raw_path = models.BinaryField(help_text="As the disk has it: a name can be no text.")
    path_digest = models.CharField(max_length=64, help_text="SHA-256 of the raw path.")
    bytes = models.PositiveBigIntegerField(null=True, help_text="Of the file.")
    expected_bytes = models.PositiveBigIntegerField(null=True, help_text="Of the row.")
    message = models.TextField()
    check_job = models.CharField(max_length=36, help_text="The check that found it last.")
    found_at = models.DateTimeField()
    target = models.TextField(blank=True, help_text="Where it is or will be set aside, below the root.")
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-found_at", "-id"]
        indexes = [models.Index(fields=["-found_at", "-id"], name="finding_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["root", "kind", "path_digest"],
                condition=models.Q(state="open"),
                name="one_open_finding_for_each_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"

    @property
    def root_path(self) -> str:
        return self.root.path

    @property
    def camera_slug(self) -> str | None:
        return self.camera.slug if self.camera else None
