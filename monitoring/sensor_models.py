"""Sensors, their channels, and what they measured."""

from __future__ import annotations

from datetime import datetime

import uuid6
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.readings.reading import QUANTITIES, Quantity
from core.resources.kind_rows import KindRow


class ReadingQuality(models.IntegerChoices):
    """Of one reading. Numbers, because there are many rows."""

    OK = 0, "ok"
    STALE = 1, "stale"
    IMPLAUSIBLE = 2, "implausible"
    MISSING = 3, "missing"


class Sensor(KindRow):
    """A device that is read, or a source that sends values. It belongs to one host. The row of a removed one
    stays; the retention deletes its channels and readings."""

    kinds, secrets_use = "monitoring.sensors.driver.SENSORS", "sensor"
    destinations = ("command", "host", "port", "program", "tls", "url")

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=40, help_text="Its id in the API, as in the configuration.")
    label = models.CharField(max_length=80, blank=True, help_text="Display name; the name if empty.")
    host = models.CharField(max_length=60)
    enabled = models.BooleanField(default=True)
    interval_s = models.FloatField(default=2.0)
    revision = models.PositiveIntegerField(default=1, help_text="Increased by each change that restarts its process.")
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)
    state: str
    """off, starting, ok, error or missing; `message` says why."""
    message: str
    since: datetime | None
    at: datetime | None
    """When the newest value came. The last four are of sensors that `with_status` has read, as are those of their
    channels."""

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["host", "enabled"], name="sensor_of_host")]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=Q(removed_at__isnull=True), name="one_sensor_for_each_name"
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(enabled=False, secrets_encrypted=""),
                name="a_removed_sensor_is_off_without_secrets",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def display_name(self) -> str:
        return self.label or self.name


class SensorChannel(models.Model):
    """One value of a sensor: a thermometer on its bus, the humidity beside the temperature. The first reading creates
    it; it keeps its readings when the device is away."""

    # A small number instead of a UUID: each reading has it.
    id = models.BigAutoField(primary_key=True)
    sensor = models.ForeignKey(Sensor, models.CASCADE, related_name="channels")
    key = models.CharField(max_length=80, help_text="What the device calls it: the ROM of a DS18B20, a JSON path.")
    quantity = models.CharField(max_length=20)
    label = models.CharField(max_length=80, blank=True, help_text="Display name; that of the device if empty.")
    device_label = models.CharField(max_length=80, blank=True)
    main = models.BooleanField(default=False, help_text="Whether it is the temperature of the site.")
    hidden = models.BooleanField(default=False, help_text="Not shown on the dashboard.")
    lowest = models.FloatField(null=True, blank=True, help_text="Values below it are implausible.")
    highest = models.FloatField(null=True, blank=True, help_text="Values above it are implausible.")
    offset = models.FloatField(default=0.0, help_text="Added to each value: the correction of a calibration.")
    created_at = models.DateTimeField(default=timezone.now)
    value: float | None
    """The newest one; None while it is missing, never its last one."""
    quality: str
    at: datetime | None
    """When the last value came, also while it is missing."""

    class Meta:
        ordering = ["sensor__name", "key"]
        constraints = [
            models.UniqueConstraint(fields=["sensor", "key", "quantity"], name="one_channel_for_each_key"),
            models.UniqueConstraint(fields=["main"], condition=Q(main=True), name="one_main_channel"),
            models.CheckConstraint(
                condition=Q(main=False) | Q(quantity="temperature"), name="the_main_channel_is_a_temperature"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sensor.name}:{self.key}"

    @property
    def display_name(self) -> str:
        return self.label or self.device_label or self.key

    @property
    def unit(self) -> Quantity:
        return QUANTITIES.get(self.quantity, QUANTITIES["number"])

    @property
    def age_s(self) -> float | None:
        return None if self.at is None else round(max(0.0, (timezone.now() - self.at).total_seconds()), 3)

    @property
    def value_text(self) -> str:
        """With its unit, such as `21.4 °C`; empty while it is missing."""
        if self.value is None:
            return ""
        return f"{self.value:,.{self.unit.digits}f} {self.unit.unit}".strip().replace("-", "\N{MINUS SIGN}")


class Reading(models.Model):
    """A value at a time. A row without a value says that none came: the channel is missing from then on.

    Times of readings and aggregates are whole numbers since 1970 in UTC: they take a third of the space of date texts
    in SQLite, and a bucket is a division in any database.
    """

    id = models.BigAutoField(primary_key=True)
    channel = models.ForeignKey(SensorChannel, models.CASCADE, related_name="readings", db_index=False)
    at_ms = models.BigIntegerField()
    value = models.FloatField(null=True, blank=True)
    quality = models.PositiveSmallIntegerField(choices=ReadingQuality, default=ReadingQuality.OK)

    class Meta:
        constraints = [
            # A batch that is written again after a kill adds nothing.
            models.UniqueConstraint(fields=["channel", "at_ms"], name="one_reading_of_a_channel_at_a_time"),
        ]
        # For the removal of old rows.
        indexes = [models.Index(fields=["at_ms"], name="reading_at")]

    def __str__(self) -> str:
        return f"{self.at_ms} {self.value}"


class ReadingAggregate(models.Model):
    """The readings of a channel in one minute, ten minutes, hour or day (UTC). `minimum`, `maximum` and `mean` are
    those of the `count` plausible ones."""

    id = models.BigAutoField(primary_key=True)
    channel = models.ForeignKey(SensorChannel, models.CASCADE, related_name="aggregates", db_index=False)
    seconds = models.PositiveIntegerField(help_text="60, 600, 3600 or 86400.")
    start_s = models.BigIntegerField()
    minimum = models.FloatField(null=True, blank=True)
    maximum = models.FloatField(null=True, blank=True)
    mean = models.FloatField(null=True, blank=True)
    count = models.PositiveIntegerField(default=0)
    stale = models.PositiveIntegerField(default=0)
    implausible = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "seconds", "start_s"], name="one_aggregate_of_a_channel"),
        ]
        indexes = [models.Index(fields=["seconds", "start_s"], name="aggregate_start")]

    def __str__(self) -> str:
        return f"{self.start_s} {self.seconds} s: {self.mean}"


class DueAggregate(models.Model):
    """A minute, hour or day whose aggregate is to be computed, because readings of it were written."""

    id = models.BigAutoField(primary_key=True)
    channel = models.ForeignKey(SensorChannel, models.CASCADE, related_name="+", db_index=False)
    seconds = models.PositiveIntegerField()
    start_s = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "seconds", "start_s"], name="one_due_aggregate"),
        ]
        indexes = [models.Index(fields=["seconds", "start_s"], name="due_aggregate_start")]

    def __str__(self) -> str:
        return f"{self.start_s} {self.seconds} s"
