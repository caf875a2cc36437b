"""`ReadingWriter`: writes the readings of a host to the database, in one transaction a second."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction

from core.retrying_thread import RetryingThread
from monitoring.models import Reading, ReadingQuality, Sensor, SensorChannel, Severity
from monitoring.readings.due import mark_due
from monitoring.readings.levels import MINUTE_S
from monitoring.sensor_host.journal import SEGMENT_READINGS, ReadingJournal
from monitoring.sensors.monitor import MAX_CHANNELS
from monitoring.sensors.reading import JudgedReading
from monitoring.services import record_event

log = logging.getLogger(__name__)
EVERY_S = 1.0
MAX_WAITING = 20_000
"""Readings in memory, while neither the database nor the disk takes them."""
MAX_EVENTS = 1_000
HANGS_S = 5.0
"""A write that takes longer leaves the readings that come meanwhile to the journal: a database that hangs may not
answer for hours, and memory is neither large nor durable."""
QUALITIES = {quality.label: quality for quality in ReadingQuality}
EXCLUDED_FROM_MAIN = frozenset({"host"})
"""Kinds whose temperature is not that of the site."""

ChannelKey = tuple[str, str, str]
"""Sensor, key and quantity."""
Write = Callable[[], object]


class ReadingWriter:
    """Any thread may add; the writer's own thread writes. While the database is away, readings go to the journal, and
    from there in their order when it is back. While the database hangs, a second thread moves them there. Events wait
    in memory. `_lock` guards what waits, `_loss_lock` the counts."""

    def __init__(self, host: str, journal: ReadingJournal, every_s: float = EVERY_S) -> None:
        self._host, self._journal = host, journal
        self._lock, self._loss_lock = threading.Lock(), threading.Lock()
        self._writing_since: float | None = None
        self._waiting: deque[JudgedReading] = deque()
        self._events: deque[Write] = deque(maxlen=MAX_EVENTS)
        self.lost = 0
        """Readings that were dropped since the start."""
        self._unreported_loss = 0
        self._channels: dict[ChannelKey, int] = {}
        self._is_away = False
        self._thread = RetryingThread("reading-writer", self.write, every_s, at_end=self.write)
        self._relief = RetryingThread("reading-relief", self.relieve, every_s)

    def start(self) -> None:
        self._thread.start()
        self._relief.start()

    def stop(self, within_s: float = 5.0) -> None:
        """What waits is written, or goes to the journal."""
        self._thread.stop(within_s)
        self._relief.stop(within_s)
        self.relieve(0.0)

    def add(self, readings: Iterable[JudgedReading]) -> None:
        with self._lock:
            self._waiting.extend(readings)
            self._drop_beyond(MAX_WAITING)

    def add_write(self, write: Write) -> None:
        """`write` records an event or changes an alert. It is called in a transaction on the writer's thread, in the
        order of the additions."""
        with self._lock:
            self._events.append(write)

    @property
    def waiting(self) -> int:
        """Readings that are not in the database yet, about."""
        return len(self._waiting) + len(self._journal)

    def write(self) -> None:
        """Write all that waits."""
        self._writing_since = time.monotonic()
        try:
            self._write()
        finally:
            self._writing_since = None

    def relieve(self, hangs_s: float = HANGS_S) -> None:
        """Move what waits to the journal if the current write has lasted for `hangs_s`."""
        since = self._writing_since
        if since is not None and time.monotonic() - since >= hangs_s:
            self._keep(self._drain())

    def _write(self) -> None:
        batch = self._drain()
        try:
            if not self._journal:
                self._store(batch)
                batch = []
        except DatabaseError as error:
            self._note_away(error)
        finally:
            # Also after an error of another kind: the readings are not lost with it.
            self._keep(batch)
        if self._journal:
            self._replay()
        self._write_events()

    def _replay(self) -> None:
        """The journal's segments, oldest first, until it is empty or the database is away."""
        while not self._thread.is_stopping() and (found := self._journal.oldest()) is not None:
            segment, readings = found
            try:
                self._store(readings)
            except DatabaseError as error:
                self._note_away(error)
                return
            except (ValidationError, ValueError, TypeError):
                log.exception("The segment %s of the journal is damaged and set aside.", segment.name)
                self._count_lost(len(readings))
                self._journal.set_aside(segment)
                continue
            # A kill before this line writes the segment again, which adds nothing.
            self._journal.remove(segment)
        if self._is_away:
            self._is_away = False
            log.warning("The database is back; the readings that waited are written.")

    def _note_away(self, error: DatabaseError) -> None:
        # It may be broken, also after the database is back.
        connection.close()
        if not self._is_away:
            log.warning("Readings wait in the journal while the database is away (%s).", type(error).__name__)
        self._is_away = True

    def _keep(self, batch: Sequence[JudgedReading]) -> None:
        """In the journal, or in memory if the disk refuses."""
        if not batch:
            return
        try:
            self._count_lost(self._journal.append(batch))
        except OSError as error:
            log.warning("Readings wait in memory: the journal cannot be written (%s).", error.strerror)
            with self._lock:
                self._waiting.extendleft(reversed(batch))
                self._drop_beyond(MAX_WAITING)

    def _drain(self) -> list[JudgedReading]:
        with self._lock:
            found = list(self._waiting)
            self._waiting.clear()
        return found

    def _drop_beyond(self, limit: int) -> None:
        while len(self._waiting) > limit:
            self._waiting.popleft()
            self._count_lost(1)

    def _count_lost(self, number: int) -> None:
        with self._loss_lock:
            self.lost += number
            self._unreported_loss += number

    def _store(self, readings: Sequence[JudgedReading]) -> None:
        for begin in range(0, len(readings), SEGMENT_READINGS):
            part = readings[begin : begin + SEGMENT_READINGS]
            try:
                self._store_batch(part)
            except (IntegrityError, DataError):
                # A sensor was removed, or a channel added by another process, since they were read.
                self._channels = {}
                try:
                    self._store_batch(part)
                except (IntegrityError, DataError):
                    # They would be refused for ever, and all that come after them would wait.
                    log.exception("%d readings are refused by the database and dropped.", len(part))
                    self._count_lost(len(part))

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
                known[key] = self._create_channel(needed[key], kinds[key[0]])
        return self._channels | known

    def _create_channel(self, reading: JudgedReading, kind: str) -> int:
        """The first temperature of a station is that of the site until a manager chooses another."""
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
        )
        return channel.pk

    def _write_events(self) -> None:
        if self._unreported_loss:
            self._report_loss()
        while self._events:
            write = self._events[0]
            try:
                with transaction.atomic():
                    write()
            except DatabaseError as error:
                if not isinstance(error, IntegrityError | DataError):
                    self._note_away(error)
                    return
                log.exception("An event could not be written and was dropped.")
            except (ValueError, TypeError):
                # A NUL that PostgreSQL refuses, for one: it would be refused for ever, and all behind it would wait.
                log.exception("An event could not be written and was dropped.")
            with self._lock:
                if self._events and self._events[0] is write:
                    self._events.popleft()

    def _report_loss(self) -> None:
        number = self._unreported_loss
        try:
            record_readings_lost(self._host, number)
        except DatabaseError as error:
            self._note_away(error)
            return
        with self._loss_lock:
            self._unreported_loss -= number


def channel_key(reading: JudgedReading) -> ChannelKey:
    return (reading.sensor, reading.channel, reading.quantity)


def record_readings_lost(host: str, number: int) -> Any:
    return record_event(
        "sensor.readings_lost",
        f"{number} readings of sensors on {host} were dropped: the database was away for longer than they could wait.",
        severity=Severity.ERROR,
        subject=host,
        data={"count": number},
    )
