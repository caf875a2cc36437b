"""`SensorHost`: the sensors of this machine: a process for each, what they say, and where it goes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.db import DatabaseError, connection

from core.background import log_and_continue
from core.outgoing import OutgoingGuard
from core.registry import resolve
from core.retrying_thread import RetryingThread
from core.secrets import DecryptionFailed
from monitoring.models import Severity
from monitoring.sensor_host.journal import ReadingJournal
from monitoring.sensor_host.latest import LatestPublisher
from monitoring.sensor_host.process import SensorProcess
from monitoring.sensor_host.rows import RowFile, SensorRow, read_rows
from monitoring.sensor_host.writer import ReadingWriter
from monitoring.sensors.absence import AbsenceReport, AbsenceReports
from monitoring.sensors.kinds import SENSORS, driver_class
from monitoring.sensors.messages import Message, Specification
from monitoring.sensors.monitor import SensorMonitor
from monitoring.sensors.reading import JudgedReading, SensorState
from monitoring.services import record_event
from monitoring.tables import READING_LISTENERS

log = logging.getLogger(__name__)
Listener = Callable[[Sequence[JudgedReading]], None]
RECONCILE_S = 2.0
TICK_S = 0.25


@dataclass(slots=True)
class RunningSensor:
    """`lock` guards the monitor: the process's thread and the tick use it. `in_use` is held while its process is being
    replaced, or stopped for a test."""

    row: SensorRow
    monitor: SensorMonitor
    process: SensorProcess | None
    absence: AbsenceReports = field(default_factory=AbsenceReports)
    lock: threading.Lock = field(default_factory=threading.Lock)
    in_use: threading.Lock = field(default_factory=threading.Lock)


class SensorHost:
    """Threads: one for each sensor's process; `reconcile`, which alone waits for the database; `tick`, which waits for
    nothing; the writer; the publisher. `_lock` guards `_running`."""

    def __init__(self, host: str, data: Path, guard: OutgoingGuard) -> None:
        self._host, self._guard = host, guard
        self._rows = RowFile(data / "sensors.json")
        self.writer = ReadingWriter(host, ReadingJournal(data / "readings"))
        self._publisher = LatestPublisher(host, self.states)
        self._running: dict[str, RunningSensor] = {}
        self._lock = threading.Lock()
        self._reconciler = RetryingThread("sensors-reconcile", self.reconcile, RECONCILE_S)
        self._ticker = RetryingThread("sensors-tick", self._tick, TICK_S)
        self._ticked_at = time.monotonic()
        self._is_reconciled = False
        self._fresh: list[JudgedReading] = []
        self._listeners: list[Listener] = [resolve(path) for path in READING_LISTENERS.values()]

    def start(self) -> None:
        self.writer.start()
        self._reconciler.start()
        self._ticker.start()
        self._publisher.start()

    def stop(self) -> None:
        """First the processes, then the writer, so that their last readings are stored."""
        self._reconciler.stop(2.0)
        with self._lock:
            running = list(self._running.values())
        processes = [one.process for one in running if one.process is not None]
        for process in processes:
            process.request_stop()
        for process in processes:
            process.stop()
        self._ticker.stop(1.0)
        self._publisher.stop()
        self.writer.stop()

    def is_alive(self) -> bool:
        """Whether the tick runs. The database and the broker may hang without a restart helping."""
        return time.monotonic() - self._ticked_at < 5.0

    def add_listener(self, listener: Listener) -> None:
        """Before the start. It gets the new readings several times a second, and must not wait."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """Look at the rows now."""
        self._reconciler.wake()

    def known_states(self) -> list[SensorState] | None:
        """None until the sensors of this host are known."""
        return self.states() if self._is_reconciled else None

    @contextmanager
    def paused(self, sensor: str) -> Iterator[None]:
        """The process of the sensor with this id does not run: another one needs its port."""
        running = self._acquire(sensor)
        if running is None:
            yield
            return
        try:
            if running.process is None:
                yield
                return
            running.process.stop()
            try:
                yield
            finally:
                running.process = self._process(running, running.process.specification)
                running.process.start()
        finally:
            running.in_use.release()
            self.wake()  # a change of its row has waited

    def _acquire(self, sensor: str) -> RunningSensor | None:
        """The running sensor with its `in_use` held; None if there is none."""
        while (running := self._running.get(sensor)) is not None:
            running.in_use.acquire()
            if self._running.get(sensor) is running:
                return running
            running.in_use.release()  # it was replaced meanwhile
        return None

    def states(self) -> list[SensorState]:
        found = []
        for one in self._snapshot():
            with one.lock:
                found.append(one.monitor.state())
        return found

    def _snapshot(self) -> list[RunningSensor]:
        with self._lock:
            return list(self._running.values())

    def reconcile(self) -> None:
        """Start, replace and stop processes until they are those of the rows. Called every 2 s on a thread."""
        try:
            rows = read_rows(self._host)
        except DatabaseError as error:
            connection.close()
            if self._running:
                return  # what runs goes on
            rows = self._rows.read()
            log.warning("The database is away (%s); %d sensors are known.", type(error).__name__, len(rows))
        else:
            with log_and_continue("sensors-file"):
                self._rows.store(rows)
        self._apply(rows)
        self._is_reconciled = True

    def _apply(self, rows: list[SensorRow]) -> None:
        wanted = {row.id: row for row in rows}
        for running in self._snapshot():
            row = wanted.get(running.row.id)
            if row is None or row.process_key != running.row.process_key:
                self._replace(running, row)
            elif row != running.row:
                self._configure(running, row)
        for row in rows:
            if row.id not in self._running:
                self._begin(row)

    def _replace(self, running: RunningSensor, row: SensorRow | None) -> None:
        """Stop the process, and start another one unless `row` is None. Until then the sensor stays among the states:
        alerts of a sensor that is not there are closed."""
        if not running.in_use.acquire(blocking=False):
            return  # a test uses its port; the next look at the rows does it
        try:
            if running.process is not None:
                running.process.stop()
            if row is not None:
                self._begin(row)
            else:
                with self._lock:
                    del self._running[running.row.id]
        finally:
            running.in_use.release()

    def _begin(self, row: SensorRow) -> None:
        now, wall_ms = time.monotonic(), wall_clock_ms()
        monitor = SensorMonitor(row.id, row.name, row.kind, self._host, row.interval_s, now, wall_ms)
        running = RunningSensor(row, monitor, None)
        self._configure(running, row)
        try:
            specification = self._specification(row)
        except (DecryptionFailed, LookupError, ImportError) as error:
            monitor.record_error(str(error), wall_ms)
        else:
            running.process = self._process(running, specification)
        with self._lock:
            self._running[row.id] = running
        if running.process is not None:
            running.process.start()

    def _process(self, running: RunningSensor, specification: Specification) -> SensorProcess:
        return SensorProcess(running.row.name, specification, partial(self._hear, running))

    def _specification(self, row: SensorRow) -> Specification:
        """DecryptionFailed; LookupError for a kind of another version."""
        if row.kind not in SENSORS:
            raise LookupError(
                f"This version of Skycam has no kind of sensor {row.kind}. Update it, or remove the sensor."
            )
        return Specification(
            kind=row.kind,
            settings=row.complete_settings(),
            interval_s=row.interval_s,
            deadline_s=driver_class(row.kind).deadline_s,
            outgoing=self._guard.rules(),
        )

    def _configure(self, running: RunningSensor, row: SensorRow) -> None:
        with running.lock:
            running.row = row
            running.monitor.configure(row.channel_settings(), time.monotonic())

    def _hear(self, running: RunningSensor, message: Message) -> None:
        """On the thread of the sensor's process."""
        now, wall_ms = time.monotonic(), wall_clock_ms()
        with running.lock:
            if message["type"] == "error":
                running.monitor.record_error(message["message"], wall_ms)
                return
            readings = running.monitor.record(message["samples"], message["took_s"], now, wall_ms)
        self._distribute(readings)

    def _tick(self) -> None:
        self._ticked_at = now = time.monotonic()
        wall_ms = wall_clock_ms()
        for one in self._snapshot():
            with one.lock:
                missing = one.monitor.check_missing(now, wall_ms)
                reports = one.absence.next_reports(one.monitor, now)
            self._distribute(missing)
            for report in reports:
                self.writer.add_write(partial(record_absence, self._host, one.row.name, report))
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
    record_event(report.kind, report.message, severity=severity, subject=sensor, data=data)


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
