"""Who wants a camera recorded. It records while any claim stands that is not suspended."""

from __future__ import annotations

from typing import Self

import uuid6
from django.db import models
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.moments import Moment
from captures.recordings.clips.models import Clip


class ClaimKind(models.TextChoices):
    ROLLING = "rolling"
    MANUAL = "manual"
    EXPERIMENT = "experiment"


OF_PEOPLE = (ClaimKind.ROLLING, ClaimKind.MANUAL)
STANDING = models.Q(ended_at=None)


class ClaimQuerySet(models.QuerySet["RecordingClaim"]):
    def standing(self) -> Self:
        return self.filter(STANDING)

    def of_experiments(self) -> Self:
        return self.filter(kind=ClaimKind.EXPERIMENT)


class RecordingClaim(models.Model):
    """One reason to record a camera, from `since` to `ended_at`. The claim of an experiment also covers the pre-roll:
    its clips are those since `held_from`."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="recording_claims")
    kind = models.CharField(max_length=10, choices=ClaimKind)
    experiment = models.ForeignKey(
        "captures.Experiment", on_delete=models.PROTECT, null=True, blank=True, related_name="claims"
    )
    by = models.CharField(max_length=150, blank=True, help_text="Who requested it.")
    since = models.DateTimeField(default=timezone.now)
    held_from = models.DateTimeField(default=timezone.now, help_text="Begin of the pre-roll.")
    boot = models.CharField(max_length=36, blank=True, help_text="The machine's boot in which it began.")
    held_from_boot_s = models.FloatField(null=True, blank=True, help_text="On the boot clock of `boot`.")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_boot = models.CharField(max_length=36, blank=True)
    ended_boot_s = models.FloatField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True, help_text="Why it ended early.")

    objects = ClaimQuerySet.as_manager()

    class Meta:
        ordering = ["since", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "kind"],
                condition=STANDING & models.Q(kind__in=["rolling", "manual"]),
                name="one_standing_claim_of_people_for_each_kind",
            ),
            models.UniqueConstraint(
                fields=["camera", "experiment"], condition=STANDING, name="one_standing_claim_of_each_experiment"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="experiment", experiment__isnull=False)
                | models.Q(kind__in=["rolling", "manual"], experiment__isnull=True),
                name="only_a_claim_of_an_experiment_names_one",
            ),
        ]
        indexes = [models.Index(fields=["camera", "ended_at"], name="claim_camera_ended")]

    def __str__(self) -> str:
        return f"{self.kind} {self.by}"

    @property
    def begin(self) -> Moment:
        """Of its clips, with the pre-roll."""
        return as_moment(self.held_from.timestamp(), self.boot, self.held_from_boot_s)

    @property
    def end(self) -> Moment | None:
        """None while it stands."""
        if self.ended_at is None:
            return None
        return as_moment(self.ended_at.timestamp(), self.ended_boot, self.ended_boot_s)


class ClaimSuspension(models.Model):
    """A time in which an operator stopped the recording of a camera under an experiment: a gap in its account."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    claim = models.ForeignKey(RecordingClaim, on_delete=models.CASCADE, related_name="suspensions")
    from_at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=150, blank=True)
    to_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)
    boot = models.CharField(
        max_length=36, blank=True, default="", db_default="", help_text="The machine's boot in which it began."
    )
    from_boot_s = models.FloatField(null=True, blank=True, help_text="On the boot clock of `boot`.")
    ended_boot = models.CharField(max_length=36, blank=True, default="", db_default="")
    ended_boot_s = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["from_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["claim"], condition=models.Q(to_at=None), name="one_open_suspension_of_each_claim"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_at:%Y-%m-%d %H:%M:%SZ} by {self.by}"

    @property
    def begin(self) -> Moment:
        return as_moment(self.from_at.timestamp(), self.boot, self.from_boot_s)

    @property
    def end(self) -> Moment | None:
        """None while it stands."""
        if self.to_at is None:
            return None
        return as_moment(self.to_at.timestamp(), self.ended_boot, self.ended_boot_s)


class ExperimentClip(models.Model):
    """A clip belongs to an experiment. The row stays when the hold of the clip is released."""

    experiment = models.ForeignKey("captures.Experiment", on_delete=models.PROTECT, related_name="clip_links")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="experiment_links")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "clip"], name="each_clip_once_in_an_experiment"),
        ]

    def __str__(self) -> str:
        return f"{self.clip_id} in {self.experiment_id}"


def as_moment(wall: float, boot: str, boot_s: float | None) -> Moment:
    """A time without a boot clock is comparable by the wall clock alone."""
    return Moment(wall, boot if boot_s is not None else "", boot_s or 0.0)
