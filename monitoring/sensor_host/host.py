"""`SensorHost`: the sensors of this machine, and where their readings go; open pages and programs get the new ones at
most once a second."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from django.db import DatabaseError, connection

from core.background import log_and_continue
from core.broker.notices import publish_notice
from core.changes import ChangeGate
from core.events.service import record_event
from core.events.severity import Severity
from core.outgoing import OutgoingGuard
from core.periodic.thread import PeriodicThread
from core.readings.latest import READINGS, LatestPublisher, ReadingBody, ReadingsNotice
from core.readings.reading import JudgedReading, SensorState
from core.times.timestamps import stamp_ms
from monitoring.sensor_host.journal import ReadingJournal
from monitoring.sensor_host.rows import RowFile, read_rows
from monitoring.sensor_host.running import RunningSensors
from monitoring.sensor_host.writer import ReadingWriter
from monitoring.sensors.monitor import AbsenceReport

log = logging.getLogger(__name__)


class ReadingPublisher:
    """Publishes the newest reading of each channel, at most one notice a second, on a thread of its own."""

    def __init__(self, every_s: float | None = None) -> None:
        self._newest: dict[tuple[str, str, str], ReadingBody] = {}
        self._lock = threading.Lock()
        PeriodicThread("reading-notices", self.publish, interval_s=every_s).start()

    def add(self, readings: Sequence[JudgedReading]) -> None:
        """Returns at once."""
        with self._lock:
            for reading in readings:
                self._newest[reading.name, reading.channel, reading.quantity] = reading_body(reading)

    def publish(self) -> None:
        with self._lock:
            found, self._newest = self._newest, {}
        if found:
            publish_notice(READINGS, ReadingsNotice(readings=list(found.values())))


def reading_body(reading: JudgedReading) -> ReadingBody:
    return ReadingBody(
        sensor=reading.name,
        channel=reading.channel,
        quantity=reading.quantity,
        value=reading.value,
        quality=reading.quality,
        at=stamp_ms(reading.at_ms),
    )


@functools.cache
def reading_publisher() -> ReadingPublisher:
    return ReadingPublisher()


def publish_readings(readings: Sequence[JudgedReading]) -> None:
    """Publish new readings, within a second. Never waits and never fails."""
    reading_publisher().add(readings)


Listener = Callable[[Sequence[JudgedReading]], None]


class SensorHost:
    """Threads: one for each sensor's process; `reconcile`, which alone waits for the database; `tick`, which waits for
    nothing; the writer; the publisher. `_lock` guards `_fresh`."""

    def __init__(self, host: str, data: Path, guard: OutgoingGuard) -> None:
        self._host = host
        self._gate = ChangeGate()
        self._rows = RowFile(data / "sensors.json")
        self.writer = ReadingWriter(host, ReadingJournal(data / "readings"))
        self._sensors = RunningSensors(host, guard, self._distribute)
        self._publisher = LatestPublisher(host, self.states)
        self._reconciler = PeriodicThread("sensors-reconcile", self.reconcile)
        self._ticker = PeriodicThread("sensors-tick", self.tick)
        self._ticked_at = time.monotonic()
        self._is_reconciled = False
        self._lock = threading.Lock()
        self._fresh: list[JudgedReading] = []
        self._listeners: list[Listener] = [publish_readings]

    def start(self) -> None:
        self.writer.start()
        self._reconciler.start()
        self._ticker.start()
        self._publisher.start()

    def stop(self) -> None:
        """First the tick, for which a sensor that is being stopped would be missing; then the processes, then the
        writer, so that their last readings are stored."""
        self._reconciler.stop(2.0)
        self._ticker.stop(1.0)
        self._sensors.stop()
        self._publisher.stop()
        self.writer.stop()

    def is_alive(self) -> bool:
        """Whether the tick runs. The database and the broker may hang without a restart helping."""
        return time.monotonic() - self._ticked_at < 5.0

    def add_listener(self, listener: Listener) -> None:
        """Before the start. It gets the new readings several times a second, and must not wait."""
        self._listeners.append(listener)

    def states(self) -> list[SensorState]:
        return [sensor.state() for sensor in self._sensors.snapshot()]

    def known_states(self) -> list[SensorState] | None:
        """None until the sensors of this host are known."""
        return self.states() if self._is_reconciled else None

    @contextmanager
    def paused(self, sensor: str) -> Iterator[None]:
        """The process of the sensor with this id does not run: another one needs its port."""
        try:
            with self._sensors.paused(sensor):
                yield
        finally:
            self._reconciler.wake()  # a change of its row has waited

    def reconcile(self) -> None:
        """Start, replace and stop processes until they are those of the rows."""
        try:
            rows = self._gate.call(lambda: read_rows(self._host))
        except DatabaseError as error:
            connection.close()
            if self._sensors.snapshot():
                return  # what runs goes on
            rows = self._rows.read()
            log.warning("The database is away (%s); %d sensors are known.", type(error).__name__, len(rows))
        else:
            if rows is None:
                return  # they have not changed
            with log_and_continue("sensors-file"):
                self._rows.store(rows)
        self._sensors.apply(rows)
        self._is_reconciled = True

    def tick(self) -> None:
        self._ticked_at = time.monotonic()
        for sensor in self._sensors.snapshot():
            missing, reports = sensor.check_missing()
            self._distribute(missing)
            for report in reports:
                self.writer.writes.add(partial(record_absence, self._host, sensor.row.name, report))
        self._call_listeners()

    def _distribute(self, readings: Sequence[JudgedReading]) -> None:
        if readings:
            self.writer.add(readings)
            with self._lock:
                self._fresh.extend(readings)

    def _call_listeners(self) -> None:
        with self._lock:
            fresh, self._fresh = self._fresh, []
        for listener in self._listeners if fresh else []:
            with log_and_continue("reading-listeners"):
                listener(fresh)


def record_absence(host: str, sensor: str, report: AbsenceReport) -> None:
    severity = Severity.WARNING if report.kind == "sensor.missing" else Severity.INFO
    data = {"sensor": sensor, "channel": report.channel, "host": host}
    record_event(report.kind, report.message, camera=None, severity=severity, subject=sensor, data=data)
