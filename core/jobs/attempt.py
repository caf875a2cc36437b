"""`JobAttempt`: one attempt at a job in a child process, watched by its worker."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import DatabaseError, connection

from core.deliveries.rows import Schedule
from core.jobs.children import kill_child, start_child
from core.jobs.claims import LEASE, SCHEDULE, JobLease, others_wait
from core.jobs.context import EndMessage, JobSpec, Message, ProgressMessage
from core.jobs.models import Job
from core.jobs.tables import JobKind, Lane

log = logging.getLogger(__name__)
RENEWAL_S = 5.0
SHUTDOWN_GRACE_S = 3.0
"""Seconds between the request to stop and the kill while the worker itself stops."""
TICK_S = 0.2
MAX_LINE_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class JobTimes:
    """In seconds."""

    poll_s: float | None = None
    """Between two searches for jobs, so that a job runs also when no message says so."""
    write_interval_s: float = 1.0
    """Between two writes to the row, which also read whether the job was cancelled."""
    grace_s: float = 10.0
    """Between the request to stop and the kill."""
    schedule: Schedule = SCHEDULE
    """Of the attempts after those that failed."""
    turns_s: Mapping[Lane, float] = field(default_factory=lambda: {Lane.SHORT: 30.0, Lane.LONG: 600.0})
    """After which a job that can continue makes room for another one of its lane that is due."""


class StopReason(StrEnum):
    """Why the worker ended the child early."""

    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    SHUTDOWN = "shutdown"
    LEASE_LOST = "lease_lost"
    MADE_ROOM = "made_room"


@dataclass(slots=True)
class Progress:
    """What the child reported and the row does not have yet."""

    done: int = 0
    total: int | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    def add(self, message: ProgressMessage) -> None:
        self.done, self.total = message["done"], message["total"]
        self.fields |= {"done": self.done, "total": self.total, "sentence": message["sentence"]}
        if message["checkpoint"] is not None:
            self.fields["checkpoint"] = message["checkpoint"]


class JobAttempt:
    """Runs on one thread, which must live as long as the child. `is_stopping`: whether the worker is to end.
    `makes_room`: whether it ends after its turn for another job of the lane that is due, once it has got on: two
    jobs that interrupt each other within a large file would read its beginning for ever."""

    def __init__(
        self,
        job: Job,
        kind: JobKind,
        environment: Iterable[str],
        is_stopping: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        times: JobTimes | None = None,
        *,
        makes_room: bool = False,
    ) -> None:
        self._times = times or JobTimes()
        self.job, self.kind, self.lease = job, kind, JobLease(job, self._times.schedule)
        self._environment, self._is_stopping, self._clock = environment, is_stopping, clock
        self._turn_until = clock() + self._times.turns_s[kind.lane] if makes_room else float("inf")
        self._has_progressed = False
        self._progress = Progress(job.done, job.total)
        self._end: EndMessage | None = None
        self._stop_reason: StopReason | None = None
        self._kill_at = float("inf")
        self._rest = b""

    def run(self) -> None:
        """Start the child, watch it to its end, and write the outcome to the row."""
        try:
            child = start_child("core.jobs.child", str(self.job.pk), str(os.getpid()), also=self._environment)
        except OSError as error:
            problem = f"No process could be started: {error.strerror}."
            # Counts as a failed attempt, so the next one waits: the cause may last.
            self._write(lambda: self.lease.take_back(problem))
            return
        try:
            self._send_spec(child)
            self._watch(child)
        finally:
            # Before `wait`: until then the process id cannot belong to another process.
            kill_child(child)
            status = child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        self._write(lambda: self._write_outcome(status))

    def _send_spec(self, child: subprocess.Popen[bytes]) -> None:
        spec = JobSpec(
            id=str(self.job.pk),
            kind=self.job.kind,
            function=self.kind.function,
            arguments=self.job.arguments,
            checkpoint=self.job.checkpoint,
            actor=self.job.requested_by,
            memory_bytes=self.kind.memory_bytes,
            # Beyond deadline and grace: it only ends a child that nothing else has ended.
            cpu_s=int(self.kind.deadline_s + self._times.grace_s) + 1,
            nice=self.kind.nice,
        )
        assert child.stdin
        with contextlib.suppress(BrokenPipeError):  # it has ended already; its exit status tells
            child.stdin.write(json.dumps(spec).encode() + b"\n")
            child.stdin.flush()

    # While the child runs

    def _watch(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout
        began = written = renewed = self._clock()
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while True:
                # Read before the deadline is checked: an outcome that is in the pipe already counts.
                if selector.select(TICK_S) and not self._read(child.stdout.fileno()):
                    return
                now = self._clock()
                if self._is_stopping():
                    self._stop(child, StopReason.SHUTDOWN, SHUTDOWN_GRACE_S)
                if now - began > self.kind.deadline_s:
                    self._stop(child, StopReason.DEADLINE, self._times.grace_s)
                # `run` kills the child when this loop ends.
                if now >= self._kill_at:
                    return
                if now - written >= self._times.write_interval_s:
                    written = now
                    renewed = self._update_row(child, now, renewed)

    def _read(self, descriptor: int) -> bool:
        """Handle what the child wrote. False at its end."""
        data = os.read(descriptor, 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        # A child that never ends a line must not fill the worker's memory, which its own limit does not protect.
        if len(self._rest) > MAX_LINE_BYTES:
            return False
        for line in lines:
            self._handle(json.loads(line))
        return bool(data)

    def _handle(self, message: Message) -> None:
        if message["type"] == "progress":
            self._progress.add(message)
            self._has_progressed = True
        else:
            self._end = message
            # It has nothing left to do but exit.
            self._kill_at = min(self._kill_at, self._clock() + self._times.grace_s)

    def _update_row(self, child: subprocess.Popen[bytes], now: float, renewed: float) -> float:
        """Write progress and renew the lease. Returns when the lease was renewed. While the database does not answer,
        the child goes on until the lease has ended: then another worker may have the job."""
        try:
            if self._progress.fields or now - renewed >= RENEWAL_S:
                # Another worker has the job, or it was cancelled as lost: what this child does from here on would be
                # done twice.
                if not self.lease.renew(**self._progress.fields):
                    self._stop(child, StopReason.LEASE_LOST, 0.0)
                self._progress.fields = {}
                renewed = now
            if self.lease.is_cancelled():
                self._stop(child, StopReason.CANCELLED, self._times.grace_s)
            elif self._may_make_room(now) and others_wait(self.job.pk, self.job.host, self.kind.lane):
                self._stop(child, StopReason.MADE_ROOM, self._times.grace_s)
        except DatabaseError as error:
            log.warning("The progress of job %s could not be written: %s", self.job.pk, error)
            connection.close()
            if now - renewed >= LEASE.length_s:
                self._stop(child, StopReason.LEASE_LOST, 0.0)
        return renewed

    def _may_make_room(self, now: float) -> bool:
        return now > self._turn_until and self._has_progressed

    def _stop(self, child: subprocess.Popen[bytes], reason: StopReason, grace_s: float) -> None:
        """Ask the child to stop. The first reason stays; an earlier kill replaces a later one."""
        self._kill_at = min(self._kill_at, self._clock() + grace_s)
        if self._stop_reason is None:
            self._stop_reason = reason
            child.send_signal(signal.SIGTERM)

    # Afterwards

    def _write_outcome(self, status: int) -> bool:
        """What became of the job. A function that came to its end has done so, whatever was requested meanwhile."""
        end, reason = self._end, self._stop_reason
        # Also after LEASE_LOST: `finish` writes only if no other worker has claimed the job.
        if end is not None and end["type"] == "done" and not end["stopped"]:
            self.lease.renew(**self._progress.fields)
            return self.lease.finish(end["result"], self._progress.done, self._progress.total)
        if reason is StopReason.LEASE_LOST:
            return False
        self.lease.renew(**self._progress.fields)
        if reason is StopReason.CANCELLED:
            return self.lease.cancel(end["result"] if end is not None and end["type"] == "done" else None)
        if reason in {StopReason.SHUTDOWN, StopReason.MADE_ROOM}:
            return self.lease.release()
        if reason is StopReason.DEADLINE:
            return self.lease.take_back(f"It took more than {self.kind.deadline_s:g} s.")
        if end is not None and end["type"] == "done":
            return self.lease.take_back("Another program asked its process to stop.")
        if end is not None:
            return self.lease.fail(end["error"]) if end["permanent"] else self.lease.take_back(end["error"])
        return self.lease.take_back(describe_exit(status))

    def _write(self, write: Callable[[], bool]) -> None:
        """Write the outcome, again and again while the database does not answer. After the end of the lease another
        worker does the job again."""
        until = self._clock() + LEASE.length_s
        while True:
            try:
                write()
                return
            except DatabaseError as error:
                log.warning("The outcome of job %s could not be written: %s", self.job.pk, error)
                connection.close()
            if self._clock() >= until or self._is_stopping():
                return
            time.sleep(self._times.write_interval_s)


def describe_exit(status: int) -> str:
    """Why a child ended that reported no outcome, from its exit status."""
    if status < 0:
        name = signal.Signals(-status).name if -status in {one.value for one in signal.Signals} else str(-status)
        return f"Its process was ended by {name}."
    return f"Its process ended with status {status} without a result."
