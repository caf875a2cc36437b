from __future__ import annotations

from typing import Any

import uuid6
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from cameras.models import Camera
from captures.capturing.models import Capture
from captures.sessions.models import Session
from scheduler.telescope.driver.field import FIELD_KINDS


class FieldList(models.Model):
    """The fields that a telescope should observe, as a field file. A list that was observed is archived, not deleted:
    its observations refer to it."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=60)
    text = models.TextField(blank=True, help_text="The field file as it was written.")
    added_text = models.TextField(blank=True, help_text="What was added for a night, as the text of an .add file.")
    revision = models.PositiveIntegerField(default=1, help_text="Grows with each change.")
    archived_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    # Of an answer, by `scheduler.telescope.field_lists.selectors`.
    size: int
    nightly: Any

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="one_field_list_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Field(models.Model):
    """A field of a list: one line of its text. A row stays when other lines change."""

    field_list = models.ForeignKey(FieldList, on_delete=models.CASCADE, related_name="fields")
    key = models.CharField(max_length=255, help_text="What it is, in words: it stays when the other columns change.")
    number = models.PositiveSmallIntegerField(help_text="Its place in the list, from 0 on.")
    line = models.PositiveIntegerField()
    ra_h = models.FloatField()
    dec_deg = models.FloatField()
    kind = models.PositiveSmallIntegerField(choices=[(code, kind.image_type) for code, kind in FIELD_KINDS.items()])
    exposure_s = models.FloatField()
    interval_s = models.FloatField()
    n_required = models.PositiveSmallIntegerField()
    survey = models.PositiveSmallIntegerField()
    comment = models.CharField(max_length=1023, blank=True)
    is_added = models.BooleanField(default=False, help_text="It was added for a night.")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["field_list", "key"], name="one_field_of_a_key_in_a_list"),
            models.CheckConstraint(condition=Q(n_required__gte=1), name="a_field_is_observed_at_least_once"),
        ]

    def __str__(self) -> str:
        return f"{self.field_list} {self.number}"


class NightlyStart(models.Model):
    """The nights of a list are started by themselves on a camera, as by a request to observe it."""

    field_list = models.OneToOneField(FieldList, on_delete=models.CASCADE, related_name="nightly_start")
    camera = models.OneToOneField(Camera, on_delete=models.CASCADE, related_name="nightly_start")
    options = models.JSONField(help_text="The other fields of `scheduler.telescope.field_lists.resource.NightOptions`.")
    created_by = models.CharField(max_length=150, blank=True, help_text="Who starts the sessions.")
    created_at = models.DateTimeField(default=timezone.now)
    started = models.DateField(null=True, help_text="The newest evening whose night was started.")
    tried_at = models.DateTimeField(null=True, help_text="When the start of a night was tried last.")
    accounted = models.DateField(null=True, help_text="The evening up to which nights that were missed are reported.")
    problem = models.CharField(max_length=1000, blank=True, help_text="Why the present night is not started.")

    class Meta:
        ordering = ["field_list"]

    def __str__(self) -> str:
        return f"{self.field_list} on {self.camera}"


class Observation(models.Model):
    """A capture of a telescope's night: which field it observed, and why that one."""

    # Without a constraint in the database: an observation may be ingested before its capture.
    capture = models.OneToOneField(
        Capture, on_delete=models.CASCADE, primary_key=True, db_constraint=False, related_name="observation"
    )
    field_list = models.ForeignKey(FieldList, on_delete=models.SET_NULL, null=True, related_name="observations")
    field = models.ForeignKey(Field, on_delete=models.SET_NULL, null=True, related_name="observations")
    session = models.ForeignKey(Session, on_delete=models.SET_NULL, null=True, related_name="observations")
    field_key = models.CharField(max_length=255)
    number = models.PositiveIntegerField(help_text="1 for the first observation of the field in its night.")
    observed_at = models.DateTimeField(help_text="When the exposure began.")
    jd = models.FloatField()
    lst_h = models.FloatField()
    ha_h = models.FloatField(null=True, help_text="None for a dark or a dome flat.")
    airmass = models.FloatField(null=True)
    exposure_s = models.FloatField()
    filename = models.CharField(max_length=64, help_text="The root of the names of its files.")
    selection = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=500)
    interval_h = models.FloatField()

    class Meta:
        ordering = ["observed_at", "capture_id"]
        indexes = [models.Index(fields=["field_list", "observed_at"], name="observations_of_a_list")]

    def __str__(self) -> str:
        return f"{self.filename} {self.number}"
