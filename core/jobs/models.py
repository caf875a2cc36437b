"""A job is a row: what is to be done, on which host, and how far it is."""

from __future__ import annotations

import uuid6
from django.db import models
from django.utils import timezone

from core.camera_refs import AboutCameras
from core.jobs.states import FINISHED, UNFINISHED, JobState

CHOICES = [(state.value, state.value) for state in JobState]


class Job(AboutCameras):
    """Work for one host, done by a child process of its jobs worker. `JOB_TRANSITIONS` lists how its state changes.

    `done` and `total` count in the kind's own unit; `total` is null while it is unknown. A job outlives what it
    was about.
    """

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=120, blank=True, help_text="What the work is about, in words or as an id.")
    host = models.CharField(max_length=60, help_text="The host that runs it.")
    arguments = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=CHOICES, default=JobState.WAITING.value)
    unique_key = models.CharField(max_length=120, blank=True, help_text="Empty: any number may be unfinished.")
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True, blank=True)
    sentence = models.CharField(max_length=200, blank=True, help_text="What it does now. Names no camera.")
    checkpoint = models.JSONField(null=True, blank=True, help_text="Where the next attempt continues.")
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(default=timezone.now, help_text="When it may be tried again.")
    worker = models.CharField(max_length=120, blank=True, help_text="The worker that runs it.")
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Lost without a renewal until then.")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.CharField(max_length=150, blank=True)
    error = models.TextField(blank=True, help_text="Why it failed, or why its last attempt did.")
    result = models.JSONField(null=True, blank=True)
    requested_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True, help_text="When its first attempt began.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        # A filter's column comes before those of the order, so that a page of a filtered list needs no sorting.
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="job_newest"),
            models.Index(fields=["kind", "-created_at", "-id"], name="job_kind_newest"),
            models.Index(
                fields=["host", "state", "created_at"],
                condition=models.Q(state__in=[state.value for state in UNFINISHED]),
                name="job_host_unfinished",
            ),
            models.Index(fields=["host", "-created_at", "-id"], name="job_host_newest"),
            models.Index(fields=["state", "ended_at"], name="job_state_ended"),
        ]
        # The database holds them, because several hosts, and commands beside their workers, write the same rows.
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "host", "unique_key"],
                condition=models.Q(state__in=[state.value for state in UNFINISHED]) & ~models.Q(unique_key=""),
                name="one_unfinished_job_for_each_subject",
            ),
            models.CheckConstraint(
                condition=models.Q(state=JobState.RUNNING.value, lease_until__isnull=False)
                | (~models.Q(state=JobState.RUNNING.value) & models.Q(lease_until__isnull=True)),
                name="a_running_job_has_a_lease",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in FINISHED], ended_at__isnull=False)
                | models.Q(state__in=[state.value for state in UNFINISHED], ended_at__isnull=True),
                name="a_finished_job_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} {self.state}"

    @property
    def has_cancel_request(self) -> bool:
        return self.cancel_requested_at is not None
