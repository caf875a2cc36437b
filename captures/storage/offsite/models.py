"""Destinations of off-site copies, what each host knows of them, and the copies: one row for each file."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

import uuid6
from django.db import models
from django.utils import timezone

from cameras.models import Camera
from captures.storage.offsite.destinations.settings import SECRETS, SETTINGS, DestinationKind, Secret, Settings
from captures.storage.offsite.states import WAITING, CopyState
from core.secrets import SecretsField, decrypt_secrets


def choices_of(words: type[StrEnum]) -> list[tuple[str, str]]:
    return [(word.value, word.value.capitalize()) for word in words]


class Destination(models.Model):
    """A place for copies. `settings` has no secret; those are encrypted in `secret`, bound to the place."""

    Kind = DestinationKind

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=choices_of(DestinationKind))
    settings = models.JSONField(default=dict)
    secret = SecretsField(
        blank=True, help_text="Encrypted. Empty: it needs none.", use="destination",
        place=lambda destination: destination.typed_settings.origin(),
    )  # fmt: skip
    host_key = models.CharField(
        max_length=100, blank=True, help_text="Fingerprint of the server's key, pinned by the first test."
    )
    classes = models.JSONField(default=list, help_text="Which storage classes are copied.")
    cameras = models.ManyToManyField(Camera, related_name="+", blank=True)
    enabled = models.BooleanField(default=True, help_text="Off: a pause. Files still wait for their copy.")
    keep_local = models.BooleanField(
        default=True, help_text="No file of its classes is deleted on its host before its copy is verified."
    )
    bytes_per_s = models.PositiveBigIntegerField(null=True, blank=True, help_text="Of each host. Null: no limit.")
    begin = models.TimeField(null=True, blank=True, help_text="By the site's clock; with `end`.")
    end = models.TimeField(null=True, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    backlog: Any
    """What waits for its copy, where `selectors.with_backlogs` has read it."""

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(begin=None, end=None) | models.Q(begin__isnull=False, end__isnull=False),
                name="offsite_hours_have_both_ends",
            ),
            models.CheckConstraint(
                condition=models.Q(bytes_per_s=None) | models.Q(bytes_per_s__gt=0), name="an_offsite_limit_above_zero"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def typed_settings(self) -> Settings:
        return SETTINGS[self.kind].model_validate(self.settings)

    @property
    def typed_secret(self) -> Secret:
        """DecryptionFailed, also when the secret was given for another place."""
        return SECRETS[self.kind].model_validate(decrypt_secrets(self, "secret"))

    @property
    def has_secret(self) -> bool:
        return bool(self.secret)

    @property
    def camera_slugs(self) -> list[str]:
        return sorted(camera.slug for camera in self.cameras.all())


class DestinationHost(models.Model):
    """What one host knows of a destination: since when it fails, when it is tried again, and how far the search for
    new files is."""

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="hosts")
    host = models.CharField(max_length=60)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="Of the last failure.")
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When a copy was last verified.")
    takes_checksums = models.BooleanField(
        null=True, blank=True, help_text="Whether the server takes requests with a checksum. Null: unknown."
    )
    checks_sha256 = models.BooleanField(
        null=True, blank=True, help_text="Whether the server refuses a wrong checksum. Null: unknown."
    )
    search = models.JSONField(default=dict, help_text="Table -> the key behind which the next part is searched.")

    class Meta:
        ordering = ["host"]
        constraints = [
            models.UniqueConstraint(fields=["destination", "host"], name="one_row_of_a_destination_for_each_host"),
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.destination}"


class OffsiteCopyQuerySet(models.QuerySet["OffsiteCopy"]):
    def waiting(self) -> Self:
        """The backlog."""
        return self.filter(state__in=WAITING)


class OffsiteCopy(models.Model):
    """The copy of one file at one destination. It repeats what the file's row says, which it outlives. The key of the
    file's row is `uuid`, or `number` for a table whose keys are numbers."""

    State = CopyState

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="copies")
    table = models.CharField(max_length=20)
    uuid = models.UUIDField(null=True, blank=True)
    number = models.PositiveBigIntegerField(null=True, blank=True)
    file_class = models.CharField(max_length=20)
    host = models.CharField(max_length=60)
    root = models.UUIDField()
    path = models.CharField(max_length=900)
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    camera = models.UUIDField()
    at = models.DateTimeField(help_text="When its content was captured.")
    key = models.CharField(max_length=1200, help_text="Its name at the destination, below the prefix.")
    state = models.CharField(max_length=10, choices=choices_of(CopyState), default=CopyState.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    damaged = models.PositiveIntegerField(default=0, help_text="How often its checksum was wrong at the far end.")
    retry_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True, help_text="Of the last attempt.")
    upload = models.CharField(max_length=1024, blank=True, help_text="Id of an upload that can be resumed.")
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.CharField(
        max_length=10, blank=True, help_text="read_back, or server: it computed the SHA-256 itself."
    )
    here_until = models.DateTimeField(
        null=True, blank=True, help_text="The file was brought back: until then, no rule leaves it to its copies again."
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = OffsiteCopyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="offsite_newest"),
            models.Index(fields=["destination", "-created_at", "-id"], name="offsite_destination_newest"),
            models.Index(fields=["destination", "state", "-created_at", "-id"], name="offsite_state_newest"),
            # The oldest files first: their disk is the next to be full.
            models.Index(
                fields=["destination", "host", "at", "id"],
                condition=models.Q(state="queued"),
                name="offsite_queue",
            ),
            # The columns that a backlog needs.
            models.Index(
                fields=["destination", "state", "bytes", "at"],
                condition=models.Q(state__in=["queued", "sending", "dead"]),
                name="offsite_backlog",
            ),
            models.Index(fields=["table", "uuid"], name="offsite_file_uuid"),
            models.Index(fields=["table", "number"], name="offsite_file_number"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["destination", "table", "uuid"], name="one_copy_of_a_file_by_uuid"),
            models.UniqueConstraint(fields=["destination", "table", "number"], name="one_copy_of_a_file_by_number"),
            models.CheckConstraint(
                condition=models.Q(uuid=None, number__isnull=False) | models.Q(uuid__isnull=False, number=None),
                name="an_offsite_copy_has_one_key",
            ),
            models.CheckConstraint(
                condition=models.Q(state="verified", verified_at__isnull=False) | ~models.Q(state="verified"),
                name="a_verified_copy_has_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.path} at {self.destination_id}: {self.state}"

    @property
    def file(self) -> str:
        """The key of the file's row."""
        return str(self.number if self.uuid is None else self.uuid)

    @property
    def due_at(self) -> datetime | None:
        """When it is tried, while it waits."""
        return self.retry_at if self.state == CopyState.QUEUED else None


def file_columns(pk: str | UUID | int) -> dict[str, UUID | int | None]:
    """The columns for the key of a file's row."""
    text = str(pk)
    return {"uuid": None, "number": int(text)} if text.isdecimal() else {"uuid": UUID(text), "number": None}
