from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Self
from uuid import UUID

import uuid6
from django.db import models
from django.utils import timezone

from cameras.models import Camera
from captures.roots.models import Kept, StorageRoot
from captures.thumbnails.store import picture_index


class CaptureStatus(models.TextChoices):
    PLANNED = "planned"
    SAVED = "saved"
    FAILED = "failed"
    SKIPPED = "skipped"


class Reason(models.TextChoices):
    """Why a capture was not saved, or a session has a gap."""

    INTERRUPTED = "interrupted"
    NOT_STARTED = "not_started"
    STATION_STOPPED = "station_stopped"
    SESSION_STOPPED = "session_stopped"
    CAMERA_ERROR = "camera_error"
    CAMERA_UNREACHABLE = "camera_unreachable"
    CAMERA_HUNG = "camera_hung"
    CAMERA_CRASHED = "camera_crashed"
    CAMERA_HELD = "camera_held"
    REJECTED_SETTING = "rejected_setting"
    TOO_SLOW = "too_slow"
    OVERRUN = "overrun"
    INCOMPLETE = "incomplete"
    DISK_FULL = "disk_full"
    WRITE_ERROR = "write_error"
    ROOT_MISSING = "root_missing"
    HOST_DOWN = "host_down"
    CLOCK = "clock"
    VETOED = "vetoed"
    UNSAFE = "unsafe"


class Origin(models.TextChoices):
    """How a capture came to the station."""

    CAMERA = "camera"
    """By a command or a session."""
    ADOPTED = "adopted"
    """From a folder (docs/operating/organizing.md). It has neither a session nor requested settings."""


def capture_url(capture: UUID) -> str:
    return f"/api/v1/captures/{capture}/"


class NoFile(NamedTuple):
    """In place of the primary file of a capture without files."""

    filename: None = None
    bytes: None = None
    sha256: None = None
    width: None = None
    height: None = None


class CaptureQuerySet(models.QuerySet["Capture"]):
    def present(self) -> Self:
        """Captures that no one moved to the trash."""
        return self.filter(trashed_at=None)

    def in_trash(self) -> Self:
        """Captures that can be restored."""
        return self.exclude(trashed_at=None).filter(purged_at=None)


class Capture(models.Model):
    """One planned still and its outcome. The status changes once, from planned to saved, failed or skipped.

    `started_at` is when the shutter opened, or the planned time while `exposed` is false. It is the sort key and is
    never null.
    """

    Status = CaptureStatus

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="captures")
    session = models.ForeignKey(
        "captures.Session", on_delete=models.PROTECT, null=True, blank=True, related_name="captures"
    )
    index = models.PositiveIntegerField(null=True, blank=True, help_text="Number in the session, from 0.")
    status = models.CharField(max_length=8, choices=CaptureStatus, default=CaptureStatus.PLANNED)
    reason = models.CharField(max_length=40, blank=True)
    message = models.TextField(blank=True)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.CAMERA, db_default=Origin.CAMERA)
    adopted_at = models.DateTimeField(null=True, blank=True, help_text="By `requested_by`, whose job is `job`.")
    planned_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(default=timezone.now)
    exposed = models.BooleanField(default=False)
    # When its outcome was known: of a saved one, when its files were on the disk. Not a help text: that is a migration.
    ended_at = models.DateTimeField(null=True, blank=True)
    host = models.CharField(max_length=60, blank=True, help_text="The host that was sent the command.")
    deadline_ms = models.BigIntegerField(null=True, blank=True, help_text="In Redis TIME, while planned.")
    asked = models.JSONField(default=dict, blank=True)
    exposure_us = models.PositiveBigIntegerField(null=True, blank=True)
    gain = models.FloatField(null=True, blank=True)
    iso = models.PositiveIntegerField(null=True, blank=True)
    f_number = models.FloatField(null=True, blank=True)
    temperature_celsius = models.FloatField(null=True, blank=True)
    statistics = models.JSONField(
        null=True, blank=True, help_text="Brightness, as fractions of full scale; of captures of sessions."
    )
    simulated = models.BooleanField(default=False)
    driver = models.CharField(max_length=20, blank=True)
    library = models.CharField(max_length=80, blank=True)
    firmware = models.CharField(max_length=80, blank=True)
    serial = models.CharField(max_length=80, blank=True)
    clock = models.CharField(max_length=20, blank=True, help_text="synchronised, unsynchronised or unknown.")
    clock_offset_s = models.FloatField(
        null=True, blank=True, help_text="What the clock was being corrected by, seconds."
    )
    clock_error_s = models.FloatField(null=True, blank=True, help_text="Its estimated error in seconds.")
    clock_jumped_s = models.FloatField(
        null=True, blank=True, help_text="By how many seconds it was set since the camera's capture before this one."
    )
    database_ahead_s = models.FloatField(
        null=True, blank=True,
        help_text="How far the host's clock was ahead of the database's when the row was stored, seconds.",
    )  # fmt: skip
    warnings = models.JSONField(default=list, blank=True)
    requested_by = models.CharField(max_length=150, blank=True)
    job = models.CharField(max_length=120, blank=True)
    note = models.TextField(blank=True)
    pinned = models.BooleanField(default=False, db_default=False, help_text="Nothing deletes it.")
    trashed_at = models.DateTimeField(null=True, blank=True, help_text="Moved to the trash: no list shows it.")
    trashed_by = models.CharField(
        max_length=150, blank=True, default="", db_default="", help_text="Empty: by the rule of age."
    )
    purged_at = models.DateTimeField(null=True, blank=True, help_text="From then on its files are deleted.")

    objects = CaptureQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [
            # One for each filter of a list, in the order of the cursor: no page sorts (tests/api/test_captures.py).
            # With `trashed_at`, so that counting reads no rows.
            models.Index(fields=["-started_at", "-id", "trashed_at"], name="capture_newest"),
            models.Index(fields=["camera", "-started_at", "-id", "trashed_at"], name="capture_camera_newest"),
            models.Index(fields=["status", "-started_at", "-id", "trashed_at"], name="capture_status_newest"),
            models.Index(
                fields=["camera", "status", "-started_at", "-id", "trashed_at"], name="capture_camera_status_newest"
            ),
            models.Index(fields=["session", "-started_at", "-id", "trashed_at"], name="capture_session_newest"),
            # SQLite finds `NOT simulated` in no index whose column it is.
            models.Index(
                fields=["-started_at", "-id", "trashed_at"],
                condition=models.Q(simulated=True),
                name="capture_simulated_newest",
            ),
            models.Index(
                fields=["-started_at", "-id", "trashed_at"],
                condition=models.Q(simulated=False),
                name="capture_real_newest",
            ),
            models.Index(fields=["requested_by", "-started_at", "-id"], name="capture_requested_by_newest"),
            models.Index(fields=["camera"], condition=models.Q(status="planned"), name="capture_planned"),
            models.Index(
                fields=["-trashed_at", "-id"], condition=~models.Q(trashed_at=None), name="capture_trash_newest"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "index"], condition=~models.Q(session=None), name="one_capture_for_each_index"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["planned", "saved"]) | ~models.Q(reason=""),
                name="a_capture_that_was_not_saved_has_a_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(origin="camera", adopted_at=None)
                | models.Q(origin="adopted", adopted_at__isnull=False, status="saved", session=None),
                name="an_adopted_capture_is_saved_and_has_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(trashed_at=None) | models.Q(pinned=False),
                name="a_pinned_capture_is_not_in_the_trash",
            ),
            models.CheckConstraint(
                condition=models.Q(purged_at=None) | models.Q(trashed_at__isnull=False),
                name="a_purged_capture_was_in_the_trash",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.camera.slug} {self.started_at:%Y-%m-%d %H:%M:%SZ} {self.status}"

    @property
    def opened_at(self) -> datetime | None:
        """When the shutter opened."""
        return self.started_at if self.exposed else None

    @cached_property
    def shown_files(self) -> list[CaptureFile]:
        """Those that its answer has. They can be set before their rows are in the database, and so can the
        references."""
        return [*self.files.all()]

    @cached_property
    def shown_references(self) -> list[CaptureReference]:
        return [*self.references.all()]

    @property
    def primary(self) -> CaptureFile | NoFile:
        return self.shown_files[0] if self.shown_files else NoFile()

    @property
    def url(self) -> str:
        return capture_url(self.pk)

    @property
    def thumbnail_url(self) -> str | None:
        return self.thumbnail_of(self.shown_files)

    def thumbnail_of(self, files: Iterable[CaptureFile]) -> str | None:
        """The address of its thumbnail; None when none of these files can be rendered."""
        can_be_rendered = picture_index([file.kind for file in files]) is not None
        return f"{self.url}thumbnail/" if can_be_rendered else None


class CaptureTotal(models.Model):
    """How many captures of a camera had an outcome, for metrics. The number never falls: deleted rows stay counted.

    `captures/capturing/outcomes.py` adds to it in the transaction of each outcome.
    """

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="capture_totals")
    status = models.CharField(max_length=8, choices=CaptureStatus)
    reason = models.CharField(max_length=40, blank=True)
    duration_le_ms = models.PositiveIntegerField(
        default=0, help_text="The upper bound of their durations; 0: not saved, and so without one."
    )
    captures = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0.0, help_text="The sum of their durations.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "status", "reason", "duration_le_ms"], name="one_total_for_each_outcome"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.camera.slug} {self.status} {self.reason}: {self.captures}"


class CaptureFile(models.Model):
    """A file of a capture: host, path, size, and the SHA-256 computed while it was written."""

    capture = models.ForeignKey(Capture, on_delete=models.CASCADE, related_name="files")
    kind = models.CharField(max_length=20)
    place = models.PositiveSmallIntegerField(default=0, help_text="0 is the primary file.")
    host = models.CharField(max_length=60)
    root = models.ForeignKey(StorageRoot, on_delete=models.PROTECT)
    path = models.CharField(max_length=500, help_text="Relative to the root.")
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    original = models.TextField(
        blank=True, default="", db_default="", help_text="Of an adopted file: the path that it was copied from."
    )

    kept = models.CharField(
        max_length=8, choices=Kept, default=Kept.HERE, db_default=Kept.HERE.value,
        help_text="Where it is: on its host, or only at a destination of off-site copies.",
    )  # fmt: skip

    class Meta:
        ordering = ["place", "kind"]
        # Duplicates are searched by it before pictures are adopted.
        indexes = [
            models.Index(fields=["sha256"], name="capture_file_sha256"),
            models.Index(fields=["kept"], condition=models.Q(kept="moving"), name="capture_file_moving"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["capture", "kind"], name="one_file_of_each_kind_for_a_capture"),
            models.UniqueConstraint(fields=["root", "path"], name="one_file_for_each_place"),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def filename(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def url(self) -> str:
        return f"{capture_url(self.capture_id)}file/?kind={self.kind}"

    @property
    def table(self) -> str:
        """Its name in `captures.storage.stored_files.FILE_TABLES`."""
        return "captures"

    @property
    def root_path(self) -> str:
        return self.root.path

    @property
    def is_offsite(self) -> bool:
        """Whether its host has no copy of it, on purpose."""
        return self.kept != Kept.HERE


class CaptureReference(models.Model):
    """A file of a capture that stays with its camera. No host of the station holds it: it is neither verified nor
    copied nor deleted."""

    capture = models.ForeignKey(Capture, on_delete=models.CASCADE, related_name="references")
    number = models.PositiveSmallIntegerField(default=0, help_text="In the order of the camera.")
    kind = models.CharField(max_length=20)
    place = models.CharField(max_length=500, help_text="As the camera says it, such as host:/folder/name.")
    bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text="Empty: unknown.")
    sha256 = models.CharField(max_length=64, blank=True, help_text="As the camera says it. Empty: unknown.")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["capture", "number"], name="references_of_a_capture_are_numbered"),
        ]

    def __str__(self) -> str:
        return self.place

    @property
    def known_sha256(self) -> str | None:
        return self.sha256 or None
