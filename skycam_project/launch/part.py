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
    part in a crash loop is restarted; it is None in other states."""

    name: str
    pid: int | None
    state: str
    since: str
    restarts: int
    reason: str
    next_try_s: int | None


class Output(Protocol):
    """Where the lines of a part go, and those about it."""

    def write_line(self, part: str, text: str, /) -> None: ...

    def log_message(self, text: str, /) -> None: ...

    def last_line(self, part: str, /) -> str: ...

    def repeat_tail(self, part: str, /) -> None: ...


class Part:
    """`ends_station` says whether a crash loop ends the station: only during its start, when that loses nothing. Later
    the part is restarted once a minute, and the others keep running."""

    def __init__(
        self, name: str, plan: Plan, forks: Forks, timings: Timings, stream: Output, journal: RestartJournal
    ) -> None:
        self.name = name
        self.kind = PARTS[name]
        self.plan, self.forks = plan, forks
        self.timings = timings
        self.stream = stream
        self.journal = journal
        self.crash_loops = CrashLoopFiles(preflight.run_folder(plan.config))
        self.ends_station = True
        self.first_exit_ends = False
        """Whether one exit is enough for that, because what runs above this process counts them."""
        self.state = State.PREPARING
        self.since = datetime.now(UTC)
        self.restarts = 0
        self.runs = 0
        self.reason = ""
        self.child: Child | None = None
        self._back_off = BackOff(timings.healthy_s, timings.crash_loop_exits, timings.crash_loop_s)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._stopping = False
        self._stop_sent = False
        self._restart_requested = False
        self._kill_reason = ""
        self._last_heartbeat = 0.0
        self._clock: ProcessorClock | None = None
        """The own time of the child: on a busy machine, one that gets no processor is not silent."""
        self._next_try = 0.0

    def row(self) -> PartRow:
        return PartRow(
            name=self.name,
            pid=self.child.pid if self.child else None,
            state=self.state,
            since=f"{self.since:%Y-%m-%dT%H:%M:%SZ}",
            restarts=self.restarts,
            reason=self.reason,
            next_try_s=self._seconds_to_next_try(),
        )

    def _seconds_to_next_try(self) -> int | None:
        if self.state is not State.CRASH_LOOP:
            return None
        return max(0, round(self._next_try - self._loop.time()))

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
        killing = self._loop.call_later(self.timings.stop_s, self._kill_run, run)
        if self.child:
            self.child.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.timings.stop_s + self.timings.start_s):
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
            self.child = await self._spawn()
        except OSError as error:
            # Also a full disk, if the command writes a file first (Valkey). An uptime of 0 counts as a short run.
            self.reason = f"{self.name} could not be started: {error}"
            return 0.0
        self._clock = ProcessorClock(self.child.pid, self._loop.time)
        self._last_heartbeat = self._own_time()
        self._repeat_stop()
        watching = self._watch()
        status = await self.child.wait()
        for task in watching:
            task.cancel()
        self.child = self._clock = None
        self.reason = self._exit_reason(status)
        return self._loop.time() - started

    async def _spawn(self) -> Child:
        return await Child.start(self._starter(), on_line=self._show_line, on_heartbeat=self._on_heartbeat)

    def _starter(self) -> Start:
        command, fds = self.kind.command(self.plan), self.kind.inherited_fds(self.plan)
        own = {"SKYCAM_PART": self.name}
        if self.kind.is_forked:
            return self.forks.forked(f"skycam {self.name}", command, own, fds)
        return executed(command, {**self.plan.environment, **own}, fds)

    def _repeat_stop(self) -> None:
        """A stop or restart that was requested while there was no process to signal."""
        if self._stopping:
            self.stop()
        elif self._restart_requested and self.child:
            self.child.send(signal.SIGTERM)

    def _show_line(self, line: str) -> None:
        if line and not any(text in line for text in self.kind.hidden_lines):
            self.stream.write_line(self.name, line)

    def _watch(self) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self._kill_when_silent()), asyncio.create_task(self._end_crash_loop())]
        if self.kind.probe:
            tasks.append(asyncio.create_task(self.kind.probe(self.plan, self._on_heartbeat)))
        return tasks

    def _own_time(self) -> float:
        """Of the process, in seconds."""
        return self._clock.now() if self._clock else self._loop.time()

    def _on_heartbeat(self) -> None:
        self._last_heartbeat = self._own_time()
        if self.state is State.STARTING:
            self._set_state(State.RUNNING)

    async def _kill_when_silent(self) -> None:
        # silence_s is configurable: a kill is late by a quarter of it at most, and by 1 s at most.
        tick = min(1.0, self.timings.silence_s / 4)
        while True:
            before = self._loop.time()
            await asyncio.sleep(tick)
            if self._clock:
                self._clock.sample()
            if self._loop.time() - before > tick + 1.0:
                # The launcher itself was delayed: read pending heartbeats first.
                self._last_heartbeat = self._own_time()
            elif self._own_time() - self._last_heartbeat > self._silence_limit_s():
                self._kill_reason = f"{self.name} silent for {self._silence_limit_s():g} s"
                self.kill()
                return

    async def _end_crash_loop(self) -> None:
        """Resolve the crash loop once this run has been healthy for `healthy_s`."""
        await self.wait_until_running()
        # The task is cancelled when the run ends, so a shorter run does not get beyond this line.
        await asyncio.sleep(self.timings.healthy_s)
        if self.crash_loops.remove(self.name):
            self.stream.log_message(f"{self.name} is out of its crash loop")
            self.journal.record_restart(self.name, "", self.restarts, recovered=True)

    def _silence_limit_s(self) -> float:
        return self.timings.start_s if self.state is State.STARTING else self.timings.silence_s

    def _kill_run(self, run: int) -> None:
        if self.runs == run:
            self.kill()

    def _exit_reason(self, status: int) -> str:
        # First: a part that ignores SIGTERM is killed after `stop_s`, and the reason is still the request.
        if self._restart_requested:
            return ON_REQUEST
        if self._kill_reason:
            return self._kill_reason
        if status < 0:
            return f"{self.name} killed by {signal_name(-status)}"
        return f"{self.name} exited with status {status}"

    async def _wait_before_restart(self, uptime_s: float) -> None:
        self.restarts += 1
        # A restart on request is no failure: it does not wait, and does not count towards a crash loop.
        state, delay_s = (State.BACKING_OFF, 0.0) if self._restart_requested else self._delay_after(uptime_s)
        what = f"{self.name} stopped on request" if self._restart_requested else self.reason
        self.stream.log_message(f"{what}; starting it again {f'in {delay_s:.0f} s' if delay_s else 'at once'}")
        self._next_try = self._loop.time() + delay_s
        self._set_state(state)
        if state is State.CRASH_LOOP:
            self._report_crash_loop()
        self.journal.record_restart(self.name, self.reason, self.restarts, on_request=self._restart_requested)
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
                self.stream.repeat_tail(self.name)
                raise LaunchError(f"{self._repeated_exits()}. Everything is stopped.") from None
            return State.CRASH_LOOP, self.timings.retry_s

    def _repeated_exits(self) -> str:
        return (
            f"{self.reason}, as it did {self.timings.crash_loop_exits} times within "
            f"{self.timings.crash_loop_s:g} s of its start"
        )

    def _report_crash_loop(self) -> None:
        """Write the crash loop's file, which becomes an alert. The part's last lines are repeated only the first time,
        not each minute."""
        if not self.crash_loops.holds(self.name):
            self.stream.repeat_tail(self.name)
        message = crash_loop_sentence(self.name, self.reason, self.stream.last_line(self.name), self.plan.config)
        try:
            self.crash_loops.write(self.name, message)
        except OSError as error:
            self.stream.log_message(
                f"no alert for this crash loop: {self.crash_loops.folder}: {error.strerror}. {message}"
            )

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            self.since = datetime.now(UTC)
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()


def signal_name(number: int) -> str:
    """`SIGKILL`; a number for the real-time signals, which have no names."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
