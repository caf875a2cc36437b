"""Events and alerts. They store slugs and ids as text, not foreign keys, so that they outlive what they are about.

Their tables belong to the app `monitoring`, which had them first: a station keeps its rows and permissions.
"""

from __future__ import annotations

from typing import Any, NoReturn

import uuid6
from django.db import models
from django.utils import timezone

from core.camera_refs import AboutCameras
from core.events.severity import Severity
from core.text.sentences import Sentence, read_sentence, spans_of

SEVERITIES = [(one.value, one.name.capitalize()) for one in Severity]


class Statement(AboutCameras):
    """A message about cameras. It has their slugs; a page shows their names of today instead."""

    message = models.TextField(help_text="With the slugs of the cameras that it mentions.")
    mentions = models.JSONField(
        default=list, blank=True, help_text="Where it has them: `[[start, end, camera id], ...]`, in characters."
    )

    class Meta:
        abstract = True

    @property
    def sentence(self) -> Sentence:
        return read_sentence(self.message, self.mentions)

    @property
    def spans(self) -> list[list[int]]:
        """Where the message has slugs of cameras."""
        return spans_of(self.sentence)


class EventQuerySet(models.QuerySet["Event"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("Events are append-only: write a new one with core.events.service.record_event.")

    def delete(self) -> NoReturn:
        raise TypeError("Events are append-only: they are not deleted one by one.")


class Event(Statement):
    """Something that happened. Written once by `core.events.service.record_event`, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=60)
    severity = models.CharField(max_length=10, choices=SEVERITIES, default=Severity.INFO)
    subject = models.CharField(max_length=80, blank=True, help_text="Id of the capture, session or part.")
    actor = models.CharField(max_length=150, blank=True)
    host = models.CharField(max_length=60, blank=True)
    data = models.JSONField(default=dict, blank=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        app_label = "monitoring"
        ordering = ["-at", "-id"]
        # A filter's column comes before those of the order, so that a page of a filtered list needs no sorting.
        indexes = [
            models.Index(fields=["-at", "-id"], name="event_newest"),
            models.Index(fields=["camera", "-at", "-id"], name="event_camera_newest"),
            models.Index(fields=["kind", "-at", "-id"], name="event_kind_newest"),
            models.Index(fields=["subject", "-at", "-id"], name="event_subject_newest"),
            # Of the retention, too, which keeps severe events longer.
            models.Index(fields=["severity", "-at", "-id"], name="event_severity_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%SZ} {self.kind} {self.message}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Events are append-only: write a new one with core.events.service.record_event.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Events are append-only: they are not deleted one by one.")


class Alert(Statement):
    """A condition that needs a person's attention. At most one unresolved row for each `key`. The message says
    what is wrong and what to do."""

    class State(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    MOVES = {
        State.OPEN: {State.ACKNOWLEDGED, State.RESOLVED},
        State.ACKNOWLEDGED: {State.RESOLVED},
        State.RESOLVED: set(),
    }

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    key = models.CharField(max_length=120, help_text="What is wrong, once: `camera.quarantined:dslr`.")
    severity = models.CharField(max_length=10, choices=SEVERITIES, default=Severity.WARNING)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    host = models.CharField(max_length=60, blank=True, help_text="The machine that it is about, or that reports it.")
    opened_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    count = models.PositiveIntegerField(default=1)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        app_label = "monitoring"
        ordering = ["-opened_at", "-id"]
        # Of the lists of all alerts. Unresolved ones are few, and have the index of their constraint.
        indexes = [models.Index(fields=["-opened_at", "-id"], name="alert_newest")]
        constraints = [
            # The condition repeats each minute, and several hosts report it: the database makes it one alert.
            models.UniqueConstraint(
                fields=["key"], condition=~models.Q(state="resolved"), name="one_unresolved_alert_for_each_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"
