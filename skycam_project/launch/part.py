"""A part of the station as the launcher supervises it: started, watched, restarted, with the launcher's times."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, TypedDict

from core.limits.repeats import BackOff, CrashLoop
from core.processes import exit_reason
from core.times.clocks import ProcessorClock
from skycam_project.config import SkycamConfig
from skycam_project.launch import preflight
from skycam_project.launch.child import Child, Start, executed
from skycam_project.launch.forks import Forks
from skycam_project.launch.parts import PARTS, Plan
from skycam_project.launch.preflight import LaunchError
from skycam_project.launch.restart_journal import ON_REQUEST, CrashLoopFiles, RestartJournal, crash_loop_sentence


@dataclass(frozen=True)
class Timings:
    silence_s: float = 15.0
    """A part without a heartbeat for this long is killed."""
    start_s: float = 60.0
    """The same, before its first heartbeat."""
    healthy_s: float = 30.0
    crash_loop_exits: int = 5
    crash_loop_s: float = 10.0
    retry_s: float = 60.0
    """Delay before a part in a crash loop is restarted, once the station was up."""
    finish_first_s: float = 5.0
    """Time for the worker to finish before the other parts are stopped."""
    stop_s: float = 8.0
    """Time from the start of a stop until all remaining processes are killed."""

    @classmethod
    def of(cls, config: SkycamConfig) -> Timings:
        supervision = config.supervision
        return cls(
            silence_s=supervision.silence_s,
            healthy_s=supervision.healthy_s,
            crash_loop_exits=supervision.crash_loop_exits,
            crash_loop_s=supervision.crash_loop_s,
        )


class State(StrEnum):
    PREPARING = "preparing"
    """It starts once the launcher has prepared the station: migrations, and the first start."""
    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing off"
    CRASH_LOOP = "crash loop"
    STOPPED = "stopped"


class PartRow(TypedDict):
    """A part as `skycam ps` shows it. `since` is when its state began. `next_try_s` is the number of seconds until a
    part in a crash loop is restarted; it is None in other states. `in_crash_loop` is true from the exit that makes a
    crash loop until the part has been healthy for a while: also while it is tried."""

    name: str
    pid: int | None
    state: str
    since: str
    restarts: int
    reason: str
    next_try_s: int | None
    in_crash_loop: bool


class Output(Protocol):
    """Where the lines of a part go, and those about it."""

    def write_line(self, part: str, text: str, /) -> None: ...

    def log_message(self, text: str, /) -> None: ...

    def last_line(self, part: str, /) -> str: ...

    def repeat_tail(self, part: str, /) -> None: ...


class RestartReports:
    """What is reported of one part's restarts: lines of the log, records of the journal, and the file of its crash
    loop, which becomes an alert."""

    def __init__(self, name: str, config: SkycamConfig, output: Output, journal: RestartJournal) -> None:
        self._name, self._config, self._output, self._journal = name, config, output, journal
        self._crash_loops = CrashLoopFiles(preflight.run_folder(config))

    def announce(self, what: str, delay_s: float) -> None:
        self._output.log_message(f"{what}; starting it again {f'in {delay_s:.0f} s' if delay_s else 'at once'}")

    def record(self, reason: str, restarts: int, *, on_request: bool) -> None:
        self._journal.record_restart(self._name, reason, restarts, on_request=on_request)

    def begin_crash_loop(self, reason: str) -> None:
        """The part's last lines are repeated only the first time, not each minute."""
        if not self._crash_loops.holds(self._name):
            self._output.repeat_tail(self._name)
        message = crash_loop_sentence(self._name, reason, self._output.last_line(self._name), self._config)
        try:
            self._crash_loops.write(self._name, message)
        except OSError as error:
            self._output.log_message(
                f"no alert for this crash loop: {self._crash_loops.folder}: {error.strerror}. {message}"
            )

    def end_crash_loop(self, restarts: int) -> None:
        """Nothing happens for a part that was in none."""
        if self._crash_loops.remove(self._name):
            self._output.log_message(f"{self._name} is out of its crash loop")
            self._journal.record_restart(self._name, "", restarts, recovered=True)


class Heartbeats:
    """The heartbeats of one process, in its own time: on a busy machine, one that gets no processor is not silent."""

    def __init__(self, pid: int, timings: Timings) -> None:
        self._timings, self._loop = timings, asyncio.get_running_loop()
        self._clock = ProcessorClock(pid, self._loop.time)
        self._last, self._has_begun = self._clock.now(), False

    def note(self) -> None:
        self._last, self._has_begun = self._clock.now(), True

    async def wait_for_silence(self) -> float:
        """Returns when there was none for too long: for `start_s` before the first one, else for `silence_s`."""
        # silence_s is configurable: a kill is late by a quarter of it at most, and by 1 s at most.
        tick = min(1.0, self._timings.silence_s / 4)
        while True:
            before = self._loop.time()
            await asyncio.sleep(tick)
            self._clock.sample()
            limit_s = self._timings.silence_s if self._has_begun else self._timings.start_s
            if self._loop.time() - before > tick + 1.0:
                # The launcher itself was delayed: read pending heartbeats first.
                self._last = self._clock.now()
            elif self._clock.now() - self._last > limit_s:
                return limit_s


class Part:
    """`ends_station` says whether a crash loop ends the station: only during its start, when that loses nothing. Later
    the part is restarted once a minute, and the others keep running."""

    def __init__(
        self, name: str, plan: Plan, forks: Forks, timings: Timings, output: Output, journal: RestartJournal
    ) -> None:
        self.name, self._kind = name, PARTS[name]
        self._plan, self._forks, self._timings, self._output = plan, forks, timings, output
        self._reports = RestartReports(name, plan.config, output, journal)
        self.ends_station = True
        self.first_exit_ends = False
        """Whether one exit is enough for that, because what runs above this process counts them."""
        self.state = State.PREPARING
        self.since = datetime.now(UTC)
        self.restarts = 0
        self.runs = 0
        self.reason = ""
        self.child: Child | None = None
        self._heartbeats: Heartbeats | None = None
        """Of the child."""
        self._back_off = BackOff(timings.healthy_s, timings.crash_loop_exits, timings.crash_loop_s)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._stopping = False
        self._stop_sent = False
        self._restart_requested = False
        self._kill_reason = ""
        self._next_try = 0.0
        self._in_crash_loop = False

    def row(self) -> PartRow:
        waits = self.state is State.CRASH_LOOP
        return PartRow(
            name=self.name,
            pid=self.child.pid if self.child else None,
            state=self.state,
            since=f"{self.since:%Y-%m-%dT%H:%M:%SZ}",
            restarts=self.restarts,
            reason=self.reason,
            next_try_s=max(0, round(self._next_try - self._loop.time())) if waits else None,
            in_crash_loop=self._in_crash_loop,
        )

    async def run_until_stopped(self) -> None:
        """Start the part, and restart it whenever it ends, until it is stopped. Raises LaunchError after a crash loop
        that ends the station."""
        try:
            while not self._stopping:
                uptime_s = await self._run_once()
                if not self._stopping:
                    await self._wait_before_restart(uptime_s)
        finally:
            self._set_state(State.STOPPED)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition is true. It is checked after each change of the part's state."""
        while not condition():
            await self._changed.wait()

    async def wait_until_running(self) -> None:
        await self.wait_until(lambda: self.state is State.RUNNING)

    def prevent_restart(self) -> None:
        """Let the current run be the last one."""
        self._stopping = True
        self._wake.set()

    def stop(self) -> None:
        """Send SIGTERM once; `run_until_stopped` returns when the process has ended."""
        self.prevent_restart()
        if self.child and not self._stop_sent:
            self._stop_sent = True
            self.child.send(signal.SIGTERM)

    def kill(self) -> None:
        if self.child:
            self.child.kill()

    async def restart(self) -> PartRow:
        """Stop the part, start it again and wait until it runs. Raises LaunchError when it does not."""
        if self._stopping:
            raise LaunchError("The station is stopping.")
        run = self.runs
        self._restart_requested = True
        # Ends a back-off at once; there is no process to signal then.
        self._wake.set()
        # With the number of the run: the next run, which may have begun by then, is not killed.
        killing = self._loop.call_later(self._timings.stop_s, self._kill_run, run)
        if self.child:
            self.child.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._timings.stop_s + self._timings.start_s):
                await self.wait_until(lambda: self._stopping or (self.runs > run and self.state is not State.STARTING))
        except TimeoutError:
            raise LaunchError(f"{self.name} is not running again yet; `skycam ps` shows its state.") from None
        finally:
            killing.cancel()
        if self.state is not State.RUNNING:
            raise LaunchError(f"{self.name} did not restart: {self.reason}.")
        return self.row()

    async def _run_once(self) -> float:
        """Run the process once, from start to end; returns its uptime in seconds."""
        self.runs += 1
        self._kill_reason = ""
        self._restart_requested = False
        self._wake.clear()
        started = self._loop.time()
        self._set_state(State.STARTING)
        try:
            start = start_of(self.name, self._plan, self._forks)
            self.child = await Child.start(start, on_line=self._show_line, on_heartbeat=self._on_heartbeat)
        except OSError as error:
            # Also a full disk, if the command writes a file first (Valkey). An uptime of 0 counts as a short run.
            self.reason = f"{self.name} could not be started: {error}"
            return 0.0
        self._heartbeats = Heartbeats(self.child.pid, self._timings)
        # Again what was requested while there was no process to signal.
        if self._stopping:
            self.stop()
        elif self._restart_requested:
            self.child.send(signal.SIGTERM)
        watching = self._watch(self._heartbeats)
        status = await self.child.wait()
        for task in watching:
            task.cancel()
        self.child = self._heartbeats = None
        self.reason = self._exit_reason(status)
        return self._loop.time() - started

    def _show_line(self, line: str) -> None:
        if line and not any(text in line for text in self._kind.hidden_lines):
            self._output.write_line(self.name, line)

    def _watch(self, heartbeats: Heartbeats) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self._kill_when_silent(heartbeats)), asyncio.create_task(self._end_crash_loop())]
        if self._kind.probe:
            tasks.append(asyncio.create_task(self._kind.probe(self._plan, self._on_heartbeat)))
        return tasks

    def _on_heartbeat(self) -> None:
        if self._heartbeats:
            self._heartbeats.note()
        if self.state is State.STARTING:
            self._set_state(State.RUNNING)

    async def _kill_when_silent(self, heartbeats: Heartbeats) -> None:
        self._kill_reason = f"{self.name} silent for {await heartbeats.wait_for_silence():g} s"
        self.kill()

    async def _end_crash_loop(self) -> None:
        """Resolve the crash loop once this run has been healthy for `healthy_s`."""
        await self.wait_until_running()
        # The task is cancelled when the run ends, so a shorter run does not get beyond this line.
        await asyncio.sleep(self._timings.healthy_s)
        self._in_crash_loop = False
        self._reports.end_crash_loop(self.restarts)

    def _kill_run(self, run: int) -> None:
        if self.runs == run:
            self.kill()

    def _exit_reason(self, status: int) -> str:
        # First: a part that ignores SIGTERM is killed after `stop_s`, and the reason is still the request.
        if self._restart_requested:
            return ON_REQUEST
        return self._kill_reason or f"{self.name} {exit_reason(status)}"

    async def _wait_before_restart(self, uptime_s: float) -> None:
        self.restarts += 1
        # A restart on request is no failure: it does not wait, and does not count towards a crash loop.
        state, delay_s = (State.BACKING_OFF, 0.0) if self._restart_requested else self._delay_after(uptime_s)
        self._reports.announce(f"{self.name} stopped on request" if self._restart_requested else self.reason, delay_s)
        self._next_try = self._loop.time() + delay_s
        self._set_state(state)
        if state is State.CRASH_LOOP:
            self._in_crash_loop = True
            self._reports.begin_crash_loop(self.reason)
        self._reports.record(self.reason, self.restarts, on_request=self._restart_requested)
        try:
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def _delay_after(self, uptime_s: float) -> tuple[State, float]:
        """The state until the next run, and the delay in seconds. Raises LaunchError when the station ends instead."""
        if self.ends_station and self.first_exit_ends:
            raise LaunchError(f"{self.reason}.")
        try:
            return State.BACKING_OFF, self._back_off.next_delay_s(uptime_s)
        except CrashLoop:
            if self.ends_station:
                self._output.repeat_tail(self.name)
                raise LaunchError(
                    f"{self.reason}, as it did {self._timings.crash_loop_exits} times within "
                    f"{self._timings.crash_loop_s:g} s of its start. Everything is stopped."
                ) from None
            return State.CRASH_LOOP, self._timings.retry_s

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            self.since = datetime.now(UTC)
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()


def start_of(name: str, plan: Plan, forks: Forks) -> Start:
    """How the process of the part is started. OSError of a command that writes a file first."""
    kind, own = PARTS[name], {"SKYCAM_PART": name}
    command, fds = kind.command(plan), kind.inherited_fds(plan)
    if kind.is_forked:
        return forks.forked(f"skycam {name}", command, own, fds)
    return executed(command, {**plan.environment, **own}, fds)
