"""Archives: verified copies of the files of an experiment, in a folder on each host that holds some."""

from __future__ import annotations

import json
from typing import Any

import uuid6
from django.db import models
from django.utils import timezone

from cameras.models import Camera
from captures.capturing.models import CaptureFile
from captures.experiments.models import Experiment
from captures.recordings.clips.models import Clip
from captures.roots.models import Kept, StorageRoot


class ArchiveState(models.TextChoices):
    WAITING = "waiting"
    COPYING = "copying"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


ARCHIVE_TRANSITIONS: dict[str, set[str]] = {
    "waiting": {"copying"},
    "copying": {"complete", "incomplete"},
    "incomplete": {"copying", "waiting"},
    "complete": {"copying", "waiting"},
}
"""An archive that is complete is copied again when a clip turns up, or by request. What it has stays."""


class ArchiveMethod(models.TextChoices):
    COPY = "copy"
    LINK = "link"


class Archive(models.Model):
    """The archive of one experiment. `waiting`: clips of the run have no row yet. `incomplete`: something is missing,
    which `missing` and the manifest state; it is completed when that turns up."""

    State = ArchiveState

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    experiment = models.OneToOneField(Experiment, on_delete=models.PROTECT, related_name="archive")
    method = models.CharField(max_length=10, choices=ArchiveMethod, default=ArchiveMethod.COPY)
    folder = models.CharField(max_length=200, help_text="In the storage root of archives of each host.")
    state = models.CharField(max_length=10, choices=ArchiveState, default=ArchiveState.WAITING)
    message = models.TextField(blank=True)
    missing = models.JSONField(default=list, blank=True, help_text="What it lacks: sentences.")
    requested_by = models.CharField(max_length=150, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    wait_until = models.DateTimeField(help_text="It is copied then at the latest, with what there is.")
    completed_at = models.DateTimeField(null=True, blank=True)
    manifest = models.TextField(blank=True, help_text="The manifest, as written on each host.")
    revision = models.PositiveIntegerField(default=0, help_text="Counts the manifests.")
    verified_at = models.DateTimeField(null=True, blank=True)
    verification = models.CharField(max_length=10, blank=True, help_text="whole or faulty; empty: never verified.")

    class Meta:
        ordering = ["-requested_at", "-id"]
        indexes = [models.Index(fields=["state"], name="archive_state")]

    def __str__(self) -> str:
        return self.folder

    @property
    def content(self) -> dict[str, Any]:
        """The manifest."""
        found: dict[str, Any] = json.loads(self.manifest)
        return found


class ArchiveFolder(models.Model):
    """The archive's folder on one host."""

    archive = models.ForeignKey(Archive, on_delete=models.CASCADE, related_name="folders")
    host = models.CharField(max_length=60)
    root = models.ForeignKey(StorageRoot, on_delete=models.PROTECT)
    copied_at = models.DateTimeField(null=True, blank=True, help_text="When all files of this host were copied.")
    revision = models.PositiveIntegerField(default=0, help_text="Of the manifest that is written there.")
    verified_at = models.DateTimeField(null=True, blank=True)
    extra = models.JSONField(default=list, blank=True, help_text="Files that the last verification did not know.")

    class Meta:
        ordering = ["host"]
        constraints = [
            models.UniqueConstraint(fields=["archive", "host"], name="one_folder_of_an_archive_on_each_host"),
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.archive}"


class ArchiveFileState(models.TextChoices):
    PLANNED = "planned"
    COPIED = "copied"
    MISSING = "missing"
    DAMAGED = "damaged"


class ArchiveFile(models.Model):
    """A file of an archive. `path` is relative to its folder. `facts` is its part of the manifest, as it was known when
    the archive was planned: the source may be deleted later."""

    State = ArchiveFileState

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    folder = models.ForeignKey(ArchiveFolder, on_delete=models.CASCADE, related_name="files")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="archive_files")
    clip = models.ForeignKey(Clip, on_delete=models.SET_NULL, null=True, blank=True, related_name="archive_files")
    capture_file = models.ForeignKey(
        CaptureFile, on_delete=models.SET_NULL, null=True, blank=True, related_name="archive_files"
    )
    gathered_from = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="gathered",
        help_text="The file of another host of which it is a copy.",
    )  # fmt: skip
    path = models.CharField(max_length=600)
    at = models.DateTimeField(help_text="When its first frame was captured.")
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=ArchiveFileState, default=ArchiveFileState.PLANNED)
    message = models.TextField(blank=True, help_text="Why it is missing or damaged.")
    linked = models.BooleanField(default=False, help_text="A hard link: no second copy.")
    copied_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    kept = models.CharField(
        max_length=8, choices=Kept, default=Kept.HERE, db_default=Kept.HERE.value,
        help_text="Where it is: on its host, or only at a destination of off-site copies.",
    )  # fmt: skip

    class Meta:
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["folder", "path"], name="one_archive_file_for_each_place"),
            models.UniqueConstraint(fields=["folder", "clip"], name="each_clip_once_in_an_archive_folder"),
            models.UniqueConstraint(fields=["folder", "capture_file"], name="each_capture_file_once_in_a_folder"),
        ]
        indexes = [
            models.Index(fields=["folder", "state"], name="archive_file_state"),
            models.Index(fields=["kept"], condition=models.Q(kept="moving"), name="archive_file_moving"),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def is_offsite(self) -> bool:
        """Whether its host has no copy of it, on purpose."""
        return self.kept != Kept.HERE
