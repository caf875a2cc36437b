"""`SensorProcess`: one sensor's process, from the side of the host: started, heard, killed when it hangs."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable

from core.background import log_and_continue
from core.jobs.children import kill_child, start_child
from core.limits.backoff import BackOff
from core.processor_clock import ProcessorClock
from monitoring.sensors.messages import ErrorMessage, Message, Specification

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
