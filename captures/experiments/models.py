"""Experiments: what was planned, when it ran, its cameras, notes and attachments. Its clips have a hold."""

from __future__ import annotations

import re
from typing import Any, NoReturn, Self

import uuid6
from django.db import models
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.moments import Moment
from captures.capturing.models import Capture
from captures.experiments.states import ENDED, MAX_NAME, ExperimentState
from captures.recordings.claims.models import ExperimentClip, as_moment
from captures.recordings.clips.models import Clip
from captures.sessions.models import Session

WEB_ADDRESS = re.compile(r"https?://[^/\s]\S*", re.IGNORECASE)


STATES = [(one.value, one.name.capitalize()) for one in ExperimentState]


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    def in_progress(self) -> Self:
        """Planned or running ones, and those whose post-roll may not be over."""
        return self.exclude(state__in=ENDED, settled=True)


class Experiment(models.Model):
    """A run over several cameras. Its state is the request: `AutomaticRecordingService` records what follows from it.

    Times on the boot clock are those of the machine that moved the state.
    """

    State = ExperimentState

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=MAX_NAME)
    method = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    operator = models.CharField(max_length=150, help_text="In whose name it records.")
    state = models.CharField(max_length=10, choices=STATES, default=ExperimentState.PLANNED)
    reason = models.CharField(max_length=40, blank=True, help_text="Why it was aborted, or ended by itself.")
    message = models.TextField(blank=True)
    planned_start = models.DateTimeField(null=True, blank=True, help_text="It begins by itself then.")
    planned_end = models.DateTimeField(null=True, blank=True, help_text="It is completed by itself then.")
    record = models.BooleanField(default=True, help_text="Whether its cameras record by themselves.")
    pre_roll_s = models.FloatField(default=0.0)
    post_roll_s = models.FloatField(default=0.0)
    still_interval_s = models.FloatField(help_text="For cameras without a stream: from start to start of two stills.")
    started_at = models.DateTimeField(null=True, blank=True)
    started_boot = models.CharField(max_length=36, blank=True)
    started_boot_s = models.FloatField(null=True, blank=True)
    started_by = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_boot = models.CharField(max_length=36, blank=True)
    ended_boot_s = models.FloatField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)
    settled = models.BooleanField(default=False, help_text="It has ended, and nothing is recorded for it any more.")
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    # By `related_query_name`, lists of clips and captures are filtered by `experiment`.
    clips = models.ManyToManyField(
        Clip, through=ExperimentClip, related_name="experiments", related_query_name="experiment"
    )
    captures = models.ManyToManyField(
        Capture, through="ExperimentCapture", related_name="experiments", related_query_name="experiment"
    )

    objects = ExperimentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="experiment_newest"),
            models.Index(fields=["state", "-created_at", "-id"], name="experiment_state_newest"),
            # Read each second.
            models.Index(fields=["state"], condition=models.Q(settled=False), name="experiment_in_progress"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(planned_end=None)
                | models.Q(planned_start=None)
                | models.Q(planned_end__gt=models.F("planned_start")),
                name="an_experiment_ends_after_its_planned_start",
            ),
            models.CheckConstraint(
                condition=models.Q(state="planned", started_at=None)
                | models.Q(state__in=["running", "completed"], started_at__isnull=False)
                | models.Q(state__in=["aborted", "archived"]),
                name="a_started_experiment_has_its_start",
            ),
        ]

    visible_places: list[ExperimentCamera]
    """Those that the reader may see, of rows from `with_visible_places`."""

    def __str__(self) -> str:
        return self.name

    @property
    def tag_names(self) -> list[str]:
        return [tag.name for tag in self.tags.all()]

    @property
    def start(self) -> Moment | None:
        if self.started_at is None:
            return None
        return as_moment(self.started_at.timestamp(), self.started_boot, self.started_boot_s)

    @property
    def end(self) -> Moment | None:
        if self.ended_at is None:
            return None
        return as_moment(self.ended_at.timestamp(), self.ended_boot, self.ended_boot_s)


class ExperimentCamera(models.Model):
    """A camera of an experiment, and what it does for it at present."""

    class Means(models.TextChoices):
        """What the camera contributes."""

        CLIPS = "clips"
        STILLS = "stills"
        LINKED = "linked"
        NOTHING = "nothing"

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="places")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="experiment_places")
    position = models.PositiveSmallIntegerField()
    means = models.CharField(max_length=10, choices=Means, blank=True, help_text="Empty until it runs.")
    message = models.TextField(blank=True, help_text="Why it contributes nothing, or whose session is linked.")

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "camera"], name="each_camera_once_in_an_experiment"),
        ]

    def __str__(self) -> str:
        return f"{self.camera.slug} in {self.experiment_id}"


class ExperimentTag(models.Model):
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=60, db_index=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "name"], name="each_tag_once_on_an_experiment"),
        ]

    def __str__(self) -> str:
        return self.name


class ExperimentCapture(models.Model):
    """A capture belongs to an experiment: it was taken by one of its cameras while it ran."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="capture_links")
    capture = models.ForeignKey(Capture, on_delete=models.CASCADE, related_name="experiment_links")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "capture"], name="each_capture_once_in_an_experiment"),
        ]

    def __str__(self) -> str:
        return f"{self.capture_id} in {self.experiment_id}"


class ExperimentSession(models.Model):
    """A session whose captures belong to an experiment: its own, or one that was somebody's already."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="session_links")
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="experiment_links")
    own = models.BooleanField(help_text="Started for the experiment, and ended with it.")
    linked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["linked_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "session"], name="each_session_once_in_an_experiment"),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} in {self.experiment_id}"


class AppendOnly(models.Model):
    """A row that is written once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(f"A {type(self).__name__} is written once: add another one.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(f"A {type(self).__name__} stays: add another one.")


class ExperimentNote(AppendOnly):
    """What a person noted. `at` is the time that the note is about, `written_at` when it was written."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField(default=timezone.now)
    written_at = models.DateTimeField(default=timezone.now)
    author = models.CharField(max_length=150)
    text = models.TextField()

    class Meta(AppendOnly.Meta):
        abstract = False
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return self.text[:60]


class ExperimentAttachment(AppendOnly):
    """A reference to something outside of the station, such as a protocol or a data set. It is never opened."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="attachments")
    label = models.CharField(max_length=200)
    reference = models.CharField(max_length=2000, help_text="An address, a DOI, a path or a shelf mark.")
    added_at = models.DateTimeField(default=timezone.now)
    added_by = models.CharField(max_length=150)

    class Meta(AppendOnly.Meta):
        abstract = False
        ordering = ["added_at", "id"]

    def __str__(self) -> str:
        return self.label

    @property
    def is_web_address(self) -> bool:
        """Whether a page may make a link of it. Other schemes may be scripts."""
        return WEB_ADDRESS.fullmatch(self.reference) is not None
