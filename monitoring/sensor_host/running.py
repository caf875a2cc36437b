"""`RunningSensors`: the sensors that a host reads, each with its process and what is known of it. Without the database:
rows are arguments."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from core.outgoing import OutgoingGuard, Rules
from core.readings.reading import JudgedReading, SensorState
from core.secrets import DecryptionFailed
from monitoring.sensor_host.process import SensorProcess
from monitoring.sensor_host.rows import SensorRow
from monitoring.sensors.absence import AbsenceReport, AbsenceReports
from monitoring.sensors.kinds import SENSORS, driver_class
from monitoring.sensors.messages import Message, Specification
from monitoring.sensors.monitor import SensorMonitor

OnReadings = Callable[[Sequence[JudgedReading]], None]


class RunningSensor:
    """`_lock` guards the monitor: the process's thread and the tick use it. `in_use` is held while its process is being
    replaced, or stopped for a test."""

    def __init__(self, row: SensorRow, host: str, on_readings: OnReadings) -> None:
        """`on_readings` is called on the thread of the process."""
        self.row, self._on_readings = row, on_readings
        self.in_use, self._lock = threading.Lock(), threading.Lock()
        self._monitor = SensorMonitor(
            row.id, row.name, row.kind, host, row.interval_s, time.monotonic(), wall_clock_ms()
        )
        self._absence = AbsenceReports()
        self._process: SensorProcess | None = None
        self.configure(row)

    def configure(self, row: SensorRow) -> None:
        """A row that needs no other process."""
        with self._lock:
            self.row = row
            self._monitor.configure(row.channel_settings(), time.monotonic())

    def start(self, outgoing: Rules) -> None:
        """Start its process. What is in the way becomes the sensor's error."""
        try:
            specification = specification_of(self.row, outgoing)
        except (DecryptionFailed, LookupError, ImportError) as error:
            with self._lock:
                self._monitor.record_error(str(error), wall_clock_ms())
            return
        self._process = SensorProcess(self.row.name, specification, self._record_message)
        self._process.start()

    def request_stop(self) -> None:
        if self._process is not None:
            self._process.request_stop()

    def stop(self) -> None:
        """Stop its process. It stays among the states, and can be started again."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def state(self) -> SensorState:
        with self._lock:
            return self._monitor.state()

    def check_missing(self) -> tuple[list[JudgedReading], list[AbsenceReport]]:
        """A reading without a value for each channel that has become missing, and what is to be reported of it."""
        now = time.monotonic()
        with self._lock:
            return self._monitor.check_missing(now, wall_clock_ms()), self._absence.next_reports(self._monitor, now)

    def _record_message(self, message: Message) -> None:
        now, wall_ms = time.monotonic(), wall_clock_ms()
        with self._lock:
            if message["type"] == "error":
                self._monitor.record_error(message["message"], wall_ms)
                return
            readings = self._monitor.record(message["samples"], message["took_s"], now, wall_ms)
        self._on_readings(readings)


class RunningSensors:
    """`apply` is called on one thread, the others on any. `_lock` guards the set."""

    def __init__(self, host: str, guard: OutgoingGuard, on_readings: OnReadings) -> None:
        self._host, self._guard, self._on_readings = host, guard, on_readings
        self._lock = threading.Lock()
        self._sensors: dict[str, RunningSensor] = {}

    def snapshot(self) -> list[RunningSensor]:
        with self._lock:
            return list(self._sensors.values())

    def apply(self, rows: Sequence[SensorRow]) -> None:
        """Start, replace and stop processes until they are those of the rows."""
        wanted = {row.id: row for row in rows}
        for sensor in self.snapshot():
            row = wanted.get(sensor.row.id)
            if row is None or row.process_key != sensor.row.process_key:
                self._replace(sensor, row)
            elif row != sensor.row:
                sensor.configure(row)
        for row in rows:
            if row.id not in self._sensors:
                self._begin(row)

    @contextmanager
    def paused(self, sensor_id: str) -> Iterator[None]:
        """The process of the sensor does not run: another one needs its port."""
        sensor = self._acquire(sensor_id)
        if sensor is None:
            yield
            return
        try:
            sensor.stop()
            try:
                yield
            finally:
                sensor.start(self._guard.rules())
        finally:
            sensor.in_use.release()

    def stop(self) -> None:
        """All at once."""
        sensors = self.snapshot()
        for sensor in sensors:
            sensor.request_stop()
        for sensor in sensors:
            sensor.stop()

    def _acquire(self, sensor_id: str) -> RunningSensor | None:
        """The sensor with its `in_use` held; None if there is none."""
        while (sensor := self._sensors.get(sensor_id)) is not None:
            sensor.in_use.acquire()
            if self._sensors.get(sensor_id) is sensor:
                return sensor
            sensor.in_use.release()  # it was replaced meanwhile
        return None

    def _replace(self, sensor: RunningSensor, row: SensorRow | None) -> None:
        """Stop the process, and start another one unless `row` is None. Until then the sensor stays among the states:
        alerts of a sensor that is not there are closed."""
        if not sensor.in_use.acquire(blocking=False):
            return  # a test uses its port; the next look at the rows does it
        try:
            sensor.stop()
            if row is not None:
                self._begin(row)
            else:
                with self._lock:
                    del self._sensors[sensor.row.id]
        finally:
            sensor.in_use.release()

    def _begin(self, row: SensorRow) -> None:
        sensor = RunningSensor(row, self._host, self._on_readings)
        with sensor.in_use:
            # A test that comes now waits: it would stop a process that is not there yet.
            with self._lock:
                self._sensors[row.id] = sensor
            sensor.start(self._guard.rules())


def specification_of(row: SensorRow, outgoing: Rules) -> Specification:
    """DecryptionFailed; LookupError for a kind of another version."""
    if row.kind not in SENSORS:
        raise LookupError(f"This version of Skycam has no kind of sensor {row.kind}. Update it, or remove the sensor.")
    return Specification(
        kind=row.kind,
        settings=row.complete_settings(),
        interval_s=row.interval_s,
        deadline_s=driver_class(row.kind).deadline_s,
        outgoing=outgoing,
    )


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
