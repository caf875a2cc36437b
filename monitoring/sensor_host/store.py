"""`ReadingStore`: readings become rows, and their channels too."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fnmatch import fnmatchcase

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, transaction

from core.readings.reading import JudgedReading
from monitoring.models import Reading, ReadingQuality, Sensor, SensorChannel
from monitoring.readings.aggregation import MINUTE_S, mark_due
from monitoring.sensors.channels import MAX_CHANNELS
from monitoring.sensors.driver import driver_class

log = logging.getLogger(__name__)
BATCH = 5_000
"""Readings of one transaction."""
QUALITIES = {quality.label: quality for quality in ReadingQuality}
EXCLUDED_FROM_MAIN = frozenset({"host"})
"""Kinds whose temperature is not that of the site."""
REFUSED = (IntegrityError, DataError, ValidationError, ValueError, TypeError, KeyError, OverflowError)
"""What the database, or its driver, raises for a reading that it will never store."""
ChannelKey = tuple[str, str, str]
"""Sensor, key and quantity."""


class ReadingStore:
    """For one thread. It remembers the channels."""

    def __init__(self) -> None:
        self._channels: dict[ChannelKey, int] = {}

    def store(self, readings: Sequence[JudgedReading]) -> int:
        """Store the readings. Returns how many were refused for ever; the others are stored. DatabaseError while the
        database is away; they can be stored again, which adds nothing."""
        refused = 0
        for begin in range(0, len(readings), BATCH):
            part = readings[begin : begin + BATCH]
            try:
                self._store_batch(part)
            except REFUSED:
                # A sensor was removed, or a channel added by another process, since they were read.
                self._channels = {}
                refused += self._store_but_refused(part)
        return refused

    def _store_but_refused(self, readings: Sequence[JudgedReading]) -> int:
        """Store all but those that are refused, which are found by halving. Returns their number."""
        try:
            self._store_batch(readings)
        except REFUSED:
            if len(readings) == 1:
                log.exception("The reading %s is refused and dropped.", readings[0])
                return 1
            half = len(readings) // 2
            return self._store_but_refused(readings[:half]) + self._store_but_refused(readings[half:])
        return 0

    def _store_batch(self, readings: Sequence[JudgedReading]) -> None:
        """One transaction. Readings of sensors that do not exist any more are left out."""
        with transaction.atomic():
            channels = self._channel_ids(readings)
            rows = [
                Reading(
                    channel_id=channels[key],
                    at_ms=reading.at_ms,
                    value=reading.value,
                    quality=QUALITIES[reading.quality],
                )
                for reading in readings
                if (key := channel_key(reading)) in channels
            ]
            # A batch that is repeated after a kill, and a clock that was set back, meet their own rows.
            Reading.objects.bulk_create(rows, ignore_conflicts=True)
            # Each time: by the clock of another host, the minute may be over, and its aggregate computed.
            mark_due(MINUTE_S, ((row.channel_id, row.at_ms // 1000 // MINUTE_S * MINUTE_S) for row in rows))
        # After the commit: the channels of a transaction that failed do not exist.
        self._channels = channels

    def _channel_ids(self, readings: Sequence[JudgedReading]) -> dict[ChannelKey, int]:
        """The channels of the readings. New ones are created, unless the sensor was removed or has too many."""
        needed = {channel_key(reading): reading for reading in readings}
        missing = needed.keys() - self._channels.keys()
        if not missing:
            return self._channels
        sensors = {sensor for sensor, _, _ in missing}
        kinds = {
            str(pk): kind
            for pk, kind in Sensor.objects.filter(pk__in=sensors, removed_at=None).values_list("pk", "kind")
        }
        known = {
            (str(row.sensor_id), row.key, row.quantity): row.pk
            for row in SensorChannel.objects.filter(sensor__in=list(kinds))
        }
        for key in sorted(missing - known.keys()):
            if key[0] in kinds and sum(one[0] == key[0] for one in known) < MAX_CHANNELS:
                known[key] = create_channel(needed[key], kinds[key[0]])
        return self._channels | known


def create_channel(reading: JudgedReading, kind: str) -> int:
    """The first temperature of a station is that of the site, and the kind of the sensor says what is on the dashboard,
    until a manager chooses otherwise."""
    is_first = (
        reading.quantity == "temperature"
        and kind not in EXCLUDED_FROM_MAIN
        and not SensorChannel.objects.filter(main=True).exists()
    )
    channel = SensorChannel.objects.create(
        sensor_id=reading.sensor,
        key=reading.channel,
        quantity=reading.quantity,
        device_label=reading.label,
        main=is_first,
        hidden=not is_on_dashboard(kind, reading.channel),
    )
    return channel.pk


def is_on_dashboard(kind: str, channel: str) -> bool:
    patterns = driver_class(kind).on_dashboard
    return any(fnmatchcase(channel, pattern) for pattern in patterns)


def channel_key(reading: JudgedReading) -> ChannelKey:
    return (reading.sensor, reading.channel, reading.quantity)
