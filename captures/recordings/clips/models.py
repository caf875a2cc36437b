from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Self

import uuid6
from django.db import models
from django.utils import timezone

from cameras.models import Camera
from captures.recordings.clips.delivery import Delivery, delivery
from captures.roots.models import StorageRoot
from captures.tables import guarded

PRESENT = models.Q(deleted_at=None)


class ClipKind(models.TextChoices):
    ROLLING = "rolling"
    MANUAL = "manual"


class ClipQuerySet(models.QuerySet["Clip"]):
    def present(self) -> Self:
        """Clips that are not being deleted."""
        return self.filter(deleted_at=None)

    def unheld(self) -> Self:
        """Clips without a pin or a hold."""
        return self.present().filter(pinned=False, holds=None)

    def deletable(self) -> Self:
        """Rolling clips that no pin, hold or other rule keeps: retention by count and space may delete them."""
        return self.unheld().filter(kind=ClipKind.ROLLING).exclude(guarded("clips"))


def _of_the_few(flag: str) -> list[models.Index]:
    """Indexes over the clips with this flag, newest first: of all cameras, and of each camera."""
    newest, condition = ["-started_at", "-id"], PRESENT & models.Q(**{flag: True})
    return [
        models.Index(fields=newest, condition=condition, name=f"clip_{flag}"),
        models.Index(fields=["camera", *newest], condition=condition, name=f"clip_camera_{flag}"),
    ]


class Clip(models.Model):
    """A finished recording of one camera. `ended_at` is exclusive: the next clip may begin at that moment."""

    Kind = ClipKind

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="clips")
    kind = models.CharField(max_length=10, choices=ClipKind, default=ClipKind.ROLLING)
    started_at = models.DateTimeField(help_text="When its first frame was captured.")
    ended_at = models.DateTimeField()
    frames = models.PositiveIntegerField()
    lost_frames = models.PositiveIntegerField(
        default=0,
        null=True,
        help_text="Captured during the clip but not in it. Null: unknown, because its process was killed.",
    )
    interrupted = models.BooleanField(default=False, help_text="Ended by a crash, a full disk or a failing disk.")
    reason = models.CharField(max_length=40, blank=True)
    message = models.TextField(blank=True)
    pinned = models.BooleanField(default=False)
    simulated = models.BooleanField(default=False)
    codec = models.CharField(max_length=20, blank=True)
    copied = models.BooleanField(default=False, help_text="The camera's own packets, not encoded again.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    clock = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="synchronised, unsynchronised or unknown."
    )
    clock_offset_s = models.FloatField(
        null=True, blank=True, help_text="What the clock was being corrected by, seconds."
    )
    clock_error_s = models.FloatField(null=True, blank=True, help_text="Its estimated error in seconds.")
    clock_jumped_s = models.FloatField(
        null=True, blank=True, help_text="By how many seconds it was set while the clip was recorded."
    )
    boot = models.CharField(
        max_length=36, blank=True, default="", db_default="", help_text="The boot of the machine that recorded it."
    )
    boot_s = models.FloatField(
        null=True, blank=True, help_text="When its first frame was captured, in seconds of the boot clock."
    )
    conditions = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="Settings, driver, library, firmware and serial number of the camera when it began.",
    )
    delivery = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="The set rate and the holes (`DeliveryContent`). Empty in clips of older versions.",
    )
    requested_by = models.CharField(max_length=150, blank=True)
    host = models.CharField(max_length=60)
    root = models.ForeignKey(StorageRoot, on_delete=models.PROTECT)
    path = models.CharField(max_length=500, help_text="Relative to the root.")
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="When its deletion began.")

    objects = ClipQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [
            # The condition of every list: without it SQLite prefers another index that has this condition, and sorts.
            models.Index(fields=["-started_at", "-id"], condition=PRESENT, name="clip_newest"),
            models.Index(fields=["camera", "-started_at", "-id"], condition=PRESENT, name="clip_camera_newest"),
            # For the clip that shows a moment. Without a condition: `earliest_start` also looks at clips that are being
            # deleted.
            models.Index(fields=["camera", "ended_at"], name="clip_camera_ended"),
            models.Index(
                fields=["camera", "kind", "-started_at", "-id", "deleted_at"],  # all columns that counting needs
                condition=models.Q(deleted_at=None),
                name="clip_camera_kind_newest",
            ),
            models.Index(
                fields=["root", "kind", "started_at", "id"],
                condition=models.Q(deleted_at=None, pinned=False),
                name="clip_root_oldest_unpinned",
            ),
            # For the pre-roll of an experiment, which the wall clock may date wrongly.
            models.Index(fields=["camera", "boot", "boot_s"], name="clip_camera_boot"),
            models.Index(fields=["root", "deleted_at"], condition=~models.Q(deleted_at=None), name="clip_deleted"),
            # Few clips match: a search for them need not walk through all.
            models.Index(
                fields=["camera", "started_at", "id"],
                condition=PRESENT & (models.Q(lost_frames__gt=0) | models.Q(interrupted=True)),
                name="clip_camera_lost",
            ),
            *_of_the_few("pinned"),
            *_of_the_few("interrupted"),
        ]
        constraints = [
            # Two rows with one file: the deletion of one clip would take the video of the other.
            models.UniqueConstraint(fields=["root", "path"], name="one_clip_for_each_place"),
            models.CheckConstraint(
                condition=models.Q(ended_at__gte=models.F("started_at")), name="a_clip_ends_after_its_beginning"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.camera.slug} {self.started_at:%Y-%m-%d %H:%M:%SZ}"

    @property
    def table(self) -> str:
        """Its name in `captures.storage.stored_files.FILE_TABLES`."""
        return "clips"

    @property
    def root_path(self) -> str:
        return self.root.path

    @property
    def is_offsite(self) -> bool:
        """Clips stay on their host: the rules for clips delete them."""
        return False

    @property
    def duration(self) -> timedelta:
        return self.ended_at - self.started_at

    @property
    def length_s(self) -> float:
        return self.duration.total_seconds()

    @property
    def filename(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def file_url(self) -> str:
        return f"/api/v1/clips/{self.pk}/file/"

    @property
    def poster_url(self) -> str:
        return f"/api/v1/clips/{self.pk}/poster/"

    @cached_property
    def delivered(self) -> Delivery:
        """The rates and the holes."""
        return delivery(self.delivery, self.frames, self.started_at, self.ended_at)


class ClipHold(models.Model):
    """A reason to keep a clip: retention by count and space does not delete it while a hold exists."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="holds")
    by = models.CharField(max_length=20, help_text="experiment, archive or export.")
    name = models.CharField(max_length=120, help_text="Which one.")
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["since", "id"]
        constraints = [
            models.UniqueConstraint(fields=["clip", "by", "name"], name="one_hold_of_each_for_a_clip"),
        ]

    def __str__(self) -> str:
        return f"{self.by} {self.name}"
