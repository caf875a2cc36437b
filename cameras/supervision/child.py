"""One camera process as the Supervisor sees it: starting it, sending it messages, ending it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, cast

from cameras.runtime.file_formats import DEFAULT_FORMATS
from cameras.runtime.messages import Command, LiveCommand, Report, StateReport
from cameras.runtime.spec import HeldLease, Recording, Spec
from cameras.spool.agenda import Agenda
from cameras.spool.records import StillFormats
from cameras.spool.session_files import DesiredSession
from core.processes import start_time
from core.text.sentences import with_sentence
from core.times.clocks import ProcessorClock

log = logging.getLogger(__name__)
PROJECT = Path(__file__).resolve().parents[2]
FINISH_S = 5.0
DRAIN_S = 0.5
LINK_BYTES = 1 << 18
"""Size of the pipe to the process. A hung process can leave hundreds of commands unread before the pipe is full."""
OnMessage = Callable[["CameraChild", Report], None]


class SentState(TypedDict):
    """The part of the desired state that may change while the process runs, as it was sent last."""

    settings: dict[str, Any]
    session: DesiredSession | None
    agenda: Agenda | None
    lease: HeldLease | None
    recording: Recording | None
    formats: StillFormats
    site: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LiveView:
    """The last live view settings that a camera process was sent."""

    qualities: tuple[str, ...] = ()
    lowered: int = 0
    presets: dict[str, Any] = field(default_factory=dict)
    redis_url: str = field(default="", repr=False)
    """Where the process publishes its frames."""

    def command(self) -> LiveCommand:
        return LiveCommand(
            type="live",
            qualities=self.qualities,
            lowered=self.lowered,
            presets=self.presets,
            redis_url=self.redis_url,
        )


class CameraChild:
    """Create it on a long-lived thread: the child ends with the thread that started it.

    Each field is written by one thread, and values are replaced whole, never changed in place:
    the process's reader writes `state`, `observed`, `last_message_at` and `has_recovered`; the Supervisor's thread
    `desired`, `ending`, `end_by` and `killed`, and it samples `clock`; the status publisher's thread `live`. Any thread
    may call `send` and `kill`: `_lock` guards the link.
    """

    def __init__(self, spec: Spec, environment: dict[str, str], on_message: OnMessage) -> None:
        self.spec, self.slug = spec, spec["slug"]
        self.started = self.last_message_at = time.monotonic()
        self.state = cast(StateReport, {})
        """Its last report of this type; empty before the first."""
        self.observed: tuple[str, str] = ("starting", "")
        self.has_recovered = False
        """The process has reported that it has read the spool."""
        self.live = LiveView()
        self.desired = SentState(
            settings=spec["settings"],
            session=spec["session"],
            agenda=spec.get("agenda"),
            lease=spec.get("lease"),
            recording=spec["recording"],
            formats=spec.get("formats", DEFAULT_FORMATS),
            site=spec["site"],
        )
        self.ending = self.killed = False
        self.end_by = 0.0
        """In its own time."""
        self._on_message = on_message
        self._lock = threading.Lock()
        # `ps` and `pkill` find a camera by its id. The pid is there because PR_SET_PDEATHSIG, which the process sets
        # itself, misses a parent that ended before.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cameras.runtime", "--camera", self.slug, "--parent", str(os.getpid())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT, env=environment,
            start_new_session=True,
        )  # fmt: skip
        self.clock = ProcessorClock(self.process.pid)
        """The own time of the process."""
        self._last_message_own = self.clock.now()
        try:
            self._attach()
        except BaseException:  # else the process would run without an owner
            self.process.kill()
            raise
        # A failure needs no handling: an ended process has an exit status, and one without its spec stays silent.
        self._send(spec)

    def _attach(self) -> None:
        assert self.process.stdin
        # A process that hangs reads nothing. A blocking write to it would stop the supervision of all cameras.
        os.set_blocking(self.process.stdin.fileno(), False)
        fcntl.fcntl(self.process.stdin, fcntl.F_SETPIPE_SZ, LINK_BYTES)
        self.identity = (self.process.pid, start_time(self.process.pid))
        self._reader = threading.Thread(target=self._read, name=f"{self.slug}-_read", daemon=True)
        self._reader.start()
        # Both of its outputs are read all the time: a process whose pipe is full blocks.
        threading.Thread(target=self._read_errors, name=f"{self.slug}-_read_errors", daemon=True).start()

    def send(self, command: Command) -> bool:
        """False when the process no longer reads. Never blocks: a hung process must not delay the others."""
        return self._send(command)

    def send_user_command(self, order: str, command_id: str, arguments: Mapping[str, object]) -> bool:
        """Send a command as it came from the host's list; otherwise as `send`."""
        return self._send({"type": order, "command_id": command_id, **arguments})

    def _send(self, message: Mapping[str, object]) -> bool:
        line = json.dumps(message).encode() + b"\n"
        # Under the lock until it is written: after `finish` the number of the descriptor may be that of another file.
        with self._lock:
            try:
                assert self.process.stdin
                # Not the file's `write`: when the pipe is full, its buffer keeps a part for the next command.
                written = os.write(self.process.stdin.fileno(), line)
            # The pipe is full, the process has ended, or `finish` has closed the link (ValueError).
            except (BlockingIOError, BrokenPipeError, ValueError):
                return False
        # The pipe had space for a part of the line only, and the next command would be read as its rest.
        if written < len(line):
            log.error("%s stopped reading commands; it is killed in the middle of a message.", self.slug)
            self.process.kill()
        return written == len(line)

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self.last_message_at, self._last_message_own = time.monotonic(), self.clock.now()
                self._handle_line(line)

    def _handle_line(self, line: bytes) -> None:
        try:
            report = cast(Report, with_sentence(json.loads(line)))
            if report["type"] == "state":
                self.state = report
                self.observed = (report["observed"], report["reason"])
            self._on_message(self, report)
        # A bad message must not end the reader: the process would block as soon as its pipe is full.
        except Exception:
            log.exception("A message of %s could not be handled: %.200r", self.slug, line)

    def _read_errors(self) -> None:
        assert self.process.stderr
        with self.process.stderr as errors:
            for line in errors:
                log.warning("%s: %s", self.slug, line.decode(errors="replace").rstrip(), extra={"verbatim": True})

    @property
    def exit_status(self) -> int | None:
        return self.process.poll()

    def silent_s(self) -> float:
        """Seconds since its last message, or since its start."""
        return time.monotonic() - self.last_message_at

    def own_silent_s(self) -> float:
        """The same in the own time of the process, without the time for which it waited for a processor."""
        return self.clock.now() - self._last_message_own

    def finish(self) -> None:
        """Close the link, which tells the process to finish and exit. Does not wait for it."""
        self.ending = True
        self.end_by = self.clock.now() + FINISH_S
        with self._lock:
            if self.process.stdin:
                try:
                    self.process.stdin.close()
                except BrokenPipeError:
                    log.info("%s had already ended", self.slug)

    @property
    def is_late(self) -> bool:
        """Whether it was asked to end FINISH_S of its own time ago."""
        self.clock.sample()
        return self.clock.now() > self.end_by

    def kill(self) -> None:
        """A process that waits in the kernel for a device may end late."""
        self.killed = True
        self.process.kill()

    def drain_output(self) -> None:
        """After a process has ended, handle its last messages."""
        self._reader.join(DRAIN_S)

    def wait(self, timeout: float) -> bool:
        """True when the process ended within `timeout` seconds."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True


def kill_orphans(register: Path) -> list[int]:
    """Kill the processes that the previous Supervisor left behind, by pid and start time. SIGKILL, because a process
    that hangs in an SDK ignores everything else."""
    try:
        left = [(int(pid), began) for pid, began in json.loads(register.read_text(encoding="ascii"))]
    # There is none at the first start. A damaged one must not prevent the start either.
    except (OSError, ValueError, TypeError):
        return []
    killed = []
    for pid, began in left:
        if began is not None and start_time(pid) == began:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
    return killed


def write_register(register: Path, identities: list[tuple[int, str | None]]) -> None:
    """Store the processes for `kill_orphans` of the next Supervisor."""
    # Replaced whole, so that a kill leaves a readable one. Not synced: a power cut ends the processes, too.
    temporary = register.with_suffix(".new")
    temporary.write_text(json.dumps(identities), encoding="ascii")
    temporary.replace(register)
