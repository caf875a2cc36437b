"""`RunningSensors`: the sensors that a host reads, each with its process and what is known of it. `SensorProcess` is
one sensor's process, from the side of the host: started, heard, killed when it hangs. Without the database: rows are
arguments."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from core.background import log_and_continue
from core.jobs.children import kill_child, start_child
from core.limits.repeats import BackOff
from core.outgoing import OutgoingGuard, Rules
from core.readings.reading import JudgedReading, SensorState
from core.secrets import DecryptionFailed
from core.times.clocks import ProcessorClock
from monitoring.sensor_host.rows import SensorRow
from monitoring.sensors.driver import SENSORS, driver_class
from monitoring.sensors.messages import ErrorMessage, Message, Specification
from monitoring.sensors.monitor import AbsenceReport, AbsenceReports, SensorMonitor

log = logging.getLogger(__name__)
MARGIN_S = 5.0
"""For the start of the process."""
STOP_S = 2.0
LONGEST_LINE = 1 << 20
MODULE = "monitoring.sensors.child"


class SensorProcess:
    """Its thread starts the process and restarts it after its end, with a growing pause. `on_message` is called on that
    thread."""

    def __init__(self, name: str, specification: Specification, on_message: Callable[[Message], None]) -> None:
        self.name, self.specification, self._on_message = name, specification, on_message
        self._stopping = threading.Event()
        # The kernel kills the process when the thread that started it ends: so it is the thread that reads from it.
        self._thread = threading.Thread(target=self._run, name=f"sensor-{name}", daemon=True)
        self._back_off = BackOff(crash_loop_s=0.0)  # it is tried for ever
        self.pid: int | None = None

    def start(self) -> None:
        self._thread.start()

    def request_stop(self) -> None:
        self._stopping.set()

    def stop(self, within_s: float = STOP_S + 1) -> None:
        self.request_stop()
        self._thread.join(within_s)

    @property
    def silence_s(self) -> float:
        """Seconds without a message after which the process hangs: it reads once in an interval, and opens before."""
        return self.specification["interval_s"] + 2 * self.specification["deadline_s"] + MARGIN_S

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            reason = "What its process sent cannot be used; the log has the traceback."
            with log_and_continue("sensor-process"):
                reason = self._run_once()
            if self._stopping.is_set():
                return
            log.warning("Sensor %s: %s It is started again.", self.name, reason)
            self._on_message(ErrorMessage(type="error", message=reason, permanent=False))
            self._stopping.wait(self._back_off.next_delay_s(time.monotonic() - began))

    def _run_once(self) -> str:
        """From the start of the process to its end. Returns a sentence that says why it ended."""
        try:
            child = start_child(MODULE, str(os.getpid()))
        except OSError as error:
            return f"Its process cannot be started ({error.strerror})."
        self.pid = child.pid
        try:
            return self._read_messages(child)
        finally:
            self.pid = None
            self._end(child)

    def _read_messages(self, child: subprocess.Popen[bytes]) -> str:
        assert child.stdin
        assert child.stdout
        try:
            child.stdin.write(json.dumps(self.specification).encode() + b"\n")
            child.stdin.flush()
        except OSError:
            return "Its process ended at once; the log says why."
        # On a busy machine it is late by its own time only.
        clock = ProcessorClock(child.pid)
        descriptor, pending, heard_at = child.stdout.fileno(), b"", clock.now()
        os.set_blocking(descriptor, False)
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not self._stopping.is_set():
                if selector.select(0.25):
                    received = os.read(descriptor, 65536)
                    if not received:
                        return ended_sentence(child)
                    *lines, pending = (pending + received).split(b"\n")
                    for line in lines:
                        self._on_message(json.loads(line))
                        heard_at = clock.now()
                if len(pending) > LONGEST_LINE:
                    return "Its process sent a line without an end."
                clock.sample()
                if clock.now() - heard_at > self.silence_s:
                    return f"It has not answered for {self.silence_s:.0f} s, so its process was killed."
        return ""

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """The end of stdin is the order to exit; a process that ignores it is killed, with all that it started."""
        assert child.stdin
        assert child.stdout
        with contextlib.suppress(OSError):
            child.stdin.close()
        if self._stopping.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(STOP_S)
        kill_child(child)
        child.wait()
        child.stdout.close()


def ended_sentence(child: subprocess.Popen[bytes]) -> str:
    """Why a process that has closed its output is started again. The kernel may keep one that closes a serial port for
    many seconds."""
    try:
        return f"Its process ended with status {child.wait(STOP_S)}."
    except subprocess.TimeoutExpired:
        return "Its process closed its output without an end, so it was killed."


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
