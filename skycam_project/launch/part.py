"""A part under the launcher's care: started, watched, started again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypedDict

from monitoring.restarts import BackOff, CrashLoop
from skycam_project.launch import paths
from skycam_project.launch.child import Child
from skycam_project.launch.crash_loops import CrashLoopFiles, crash_loop_sentence
from skycam_project.launch.errors import LaunchError
from skycam_project.launch.limits import Limits
from skycam_project.launch.parts import PARTS, Plan
from skycam_project.launch.restart_journal import ON_REQUEST, RestartJournal
from skycam_project.launch.stream import LogStream


class State(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing off"
    CRASH_LOOP = "crash loop"
    STOPPED = "stopped"


class PartRow(TypedDict):
    """A part as `skycam ps` shows it; `since` is when it came into its state, `next_try_s` the seconds until a part in
    a crash loop is tried again, None in other states."""

    name: str
    pid: int | None
    state: str
    since: str
    restarts: int
    reason: str
    next_try_s: int | None


class Part:
    """`ends_station` is whether a crash loop ends the station: while it comes up, when nothing would be lost by that.
    Later the part is tried each minute, and the others go on."""

    def __init__(self, name: str, plan: Plan, limits: Limits, stream: LogStream, journal: RestartJournal) -> None:
        self.name = name
        self.kind = PARTS[name]
        self.plan = plan
        self.limits = limits
        self.stream = stream
        self.journal = journal
        self.crash_loops = CrashLoopFiles(paths.run_folder(plan.config))
        self.ends_station = True
        self.state = State.STOPPED
        self.since = datetime.now(UTC)
        self.restarts = 0
        self.lives = 0
        self.reason = ""
        self.child: Child | None = None
        self._back_off = BackOff(limits.healthy_s, limits.crash_loop_exits, limits.crash_loop_s)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._stopping = False
        self._told = False
        self._asked = False
        self._killed_for = ""
        self._last_sign = 0.0
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

    async def keep(self) -> None:
        """Start it, and again whenever it ends, until it is stopped. Raises LaunchError after a crash loop that ends
        the station."""
        try:
            while not self._stopping:
                lived_s = await self._live()
                if not self._stopping:
                    await self._prepare_next_life(lived_s)
        finally:
            self._become(State.STOPPED)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that a change of its state can bring about."""
        while not condition():
            await self._changed.wait()

    async def ready(self) -> None:
        await self.until(lambda: self.state is State.RUNNING)

    def retire(self) -> None:
        """The life that it has is its last one."""
        self._stopping = True
        self._wake.set()

    def stop(self) -> None:
        """Tell it to finish, once; `keep` returns when it has."""
        self.retire()
        if self.child and not self._told:
            self._told = True
            self.child.send(signal.SIGTERM)

    def kill(self) -> None:
        if self.child:
            self.child.kill()

    async def restart(self) -> PartRow:
        """Stop it, start it again, and say how that went. Raises LaunchError when it does not come back."""
        if self._stopping:
            raise LaunchError("The station is stopping.")
        life = self.lives
        self._asked = True
        self._wake.set()
        killing = self._loop.call_later(self.limits.stop_s, self._kill_life, life)
        if self.child:
            self.child.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.limits.stop_s + self.limits.start_s):
                await self.until(lambda: self._stopping or (self.lives > life and self.state is not State.STARTING))
        except TimeoutError:
            raise LaunchError(f"{self.name} has not come back yet; `skycam ps` shows how it fares.") from None
        finally:
            killing.cancel()
        if self.state is not State.RUNNING:
            raise LaunchError(f"{self.name} did not come back: {self.reason}.")
        return self.row()

    async def _live(self) -> float:
        """One life of its process, from start to end, in seconds."""
        self.lives += 1
        self._killed_for = ""
        self._asked = False
        self._wake.clear()
        self._last_sign = started = self._loop.time()
        self._become(State.STARTING)
        try:
            self.child = self._spawn()
        except OSError as error:
            self.reason = f"{self.name} could not be started: {error}"
            return 0.0
        watching = self._watch()
        status = await self.child.wait()
        for task in watching:
            task.cancel()
        self.child = None
        self.reason = self._why(status)
        return self._loop.time() - started

    def _spawn(self) -> Child:
        return Child(
            self.kind.command(self.plan),
            {**self.plan.environment, "SKYCAM_PART": self.name},
            on_line=self._show,
            on_beat=self._beat,
            keep_fds=self.kind.keep_fds(self.plan),
        )

    def _show(self, line: str) -> None:
        if line and not any(text in line for text in self.kind.hushed):
            self.stream.line(self.name, line)

    def _watch(self) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self._kill_when_silent()), asyncio.create_task(self._end_crash_loop())]
        if self.kind.pulse:
            tasks.append(asyncio.create_task(self.kind.pulse(self.plan, self._beat)))
        return tasks

    def _beat(self) -> None:
        self._last_sign = self._loop.time()
        if self.state is State.STARTING:
            self._become(State.RUNNING)

    async def _kill_when_silent(self) -> None:
        tick = min(1.0, self.limits.silence_s / 4)
        while True:
            before = self._loop.time()
            await asyncio.sleep(tick)
            if self._loop.time() - before > tick + 1.0:
                self._last_sign = self._loop.time()  # the launcher itself was held up: hear the part first
            elif self._loop.time() - self._last_sign > self._silence_limit():
                self._killed_for = f"{self.name} silent for {self._silence_limit():g} s"
                self.kill()
                return

    async def _end_crash_loop(self) -> None:
        """Once this life has been healthy for long enough."""
        await self.ready()
        await asyncio.sleep(self.limits.healthy_s)
        if self.crash_loops.remove(self.name):
            self.stream.say(f"{self.name} is out of its crash loop")
            self.journal.record_restart(self.name, "", self.restarts, recovered=True)

    def _silence_limit(self) -> float:
        return self.limits.start_s if self.state is State.STARTING else self.limits.silence_s

    def _kill_life(self, life: int) -> None:
        if self.lives == life:
            self.kill()

    def _why(self, status: int) -> str:
        if self._asked:
            return ON_REQUEST
        if self._killed_for:
            return self._killed_for
        if status < 0:
            return f"{self.name} killed by {signal_name(-status)}"
        return f"{self.name} exited with status {status}"

    async def _prepare_next_life(self, lived_s: float) -> None:
        self.restarts += 1
        state, delay_s = (State.BACKING_OFF, 0.0) if self._asked else self._delay_after(lived_s)
        what = f"{self.name} stopped on request" if self._asked else self.reason
        self.stream.say(f"{what}; starting it again {f'in {delay_s:.0f} s' if delay_s else 'at once'}")
        self._next_try = self._loop.time() + delay_s
        self._become(state)
        if state is State.CRASH_LOOP:
            self._report_crash_loop()
        self.journal.record_restart(self.name, self.reason, self.restarts, asked=self._asked)
        try:
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def _delay_after(self, lived_s: float) -> tuple[State, float]:
        """The state until the next life, and its seconds. Raises LaunchError when the station ends instead."""
        try:
            return State.BACKING_OFF, self._back_off.after(lived_s)
        except CrashLoop:
            if self.ends_station:
                self.stream.explain(self.name)
                raise LaunchError(f"{self._exits()}. Everything is stopped.") from None
            return State.CRASH_LOOP, self.limits.retry_s

    def _exits(self) -> str:
        return (
            f"{self.reason}, as it did {self.limits.crash_loop_exits} times within "
            f"{self.limits.crash_loop_s:g} s of its start"
        )

    def _report_crash_loop(self) -> None:
        """As an alert, once for each crash loop: what is unchanged is not told again each minute."""
        if not self.crash_loops.holds(self.name):
            self.stream.explain(self.name)
        message = crash_loop_sentence(self.name, self.reason, self.stream.last_line(self.name), self.plan.config)
        try:
            self.crash_loops.write(self.name, message)
        except OSError as error:
            self.stream.say(f"there is no alert of this: {self.crash_loops.folder}: {error.strerror}. {message}")

    def _become(self, state: State) -> None:
        if state is not self.state:
            self.since = datetime.now(UTC)
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()


def signal_name(number: int) -> str:
    """`SIGKILL`; a number for the real-time signals, which have no names."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
