from __future__ import annotations

from datetime import timedelta
from typing import Self

import uuid6
from django.db import models
from django.utils import timezone

from cameras.models import Camera


class SessionState(models.TextChoices):
    PLANNED = "planned"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


SESSION_TRANSITIONS: dict[str, set[str]] = {
    "planned": {"waiting", "running", "paused", "stopped", "failed"},
    "waiting": {"running", "paused", "finished", "stopped", "failed"},
    "running": {"waiting", "paused", "finished", "stopped", "failed"},
    "paused": {"waiting", "running", "finished", "stopped", "failed"},
    "finished": set(),
    "stopped": set(),
    "failed": set(),
}
ACTIVE = ("planned", "waiting", "running", "paused")
MAX_SESSION = timedelta(days=3653)


class SessionQuerySet(models.QuerySet["Session"]):
    def active(self) -> Self:
        return self.filter(state__in=ACTIVE)

    def not_refused(self) -> Self:
        """Without those that the camera did not begin."""
        return self.exclude(state=SessionState.FAILED, started_at=None)


class Session(models.Model):
    """A series of planned captures, run by the camera process. `desired` and `revision` hold what was requested; the
    other fields hold what the process has reported in its records."""

    State = SessionState

    class Desired(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        STOPPED = "stopped"

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="sessions")
    name = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=10, choices=SessionState, default=SessionState.PLANNED)
    desired = models.CharField(max_length=10, choices=Desired, default=Desired.RUNNING)
    revision = models.PositiveIntegerField(default=1)
    reported = models.PositiveBigIntegerField(default=0, help_text="Number of the newest record that was ingested.")
    programme = models.JSONField()
    actual = models.JSONField(default=dict, blank=True, help_text="What the camera said it would use.")
    warnings = models.JSONField(default=list, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    handed_to = models.CharField(
        max_length=150,
        blank=True,
        default="",
        db_default="",
        help_text="Who holds the camera by it; empty: who started it.",
    )
    schedule = models.CharField(
        max_length=120,
        blank=True,
        default="",
        db_default="",
        help_text="Name of the schedule whose run it is; empty: a user started it.",
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    planned = models.PositiveIntegerField(default=0)
    saved = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    exposure_total_us = models.PositiveBigIntegerField(default=0)
    reason = models.CharField(max_length=40, blank=True)
    message = models.TextField(blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            # This decides between two starts at the same moment: `SessionService.start` checks before, without a lock.
            models.UniqueConstraint(
                fields=["camera"],
                condition=models.Q(state__in=["planned", "waiting", "running", "paused"]),
                name="one_active_session_for_each_camera",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.camera.slug} {self.name or self.id}"

    @property
    def holder(self) -> str:
        """The actor who holds the camera by it."""
        return self.handed_to or self.created_by

    @property
    def schedule_name(self) -> str | None:
        return self.schedule or None

    @property
    def exposure_total_s(self) -> float:
        return self.exposure_total_us / 1e6

    @property
    def started_by(self) -> str:
        """`anna`, or `Schedule Twilight`; empty for the station."""
        return f"Schedule {self.schedule}" if self.schedule else self.created_by


class SessionGap(models.Model):
    """Captures missed in an outage: one row for all of them. The session's `skipped` includes `count`."""

    id = models.UUIDField(primary_key=True, editable=False)
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="gaps")
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    first_index = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    reason = models.CharField(max_length=40)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["from_at", "id"]

    def __str__(self) -> str:
        return f"{self.count} from {self.from_at:%H:%M:%SZ}: {self.reason}"
