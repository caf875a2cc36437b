"""What each command makes the controllers do, as tables: steps with their states and their seconds, in rows that run
at the same time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from scheduler.telescope.driver.protocol import MODES, ExposureMode
from scheduler.telescope.driver.status import CameraState, ControllerState
from scheduler.telescope.simulator.options import SimulatorOptions
from scheduler.telescope.simulator.protocol import Command

S = ControllerState
StepKind = Literal["expose", "read", "fetch", "clear", "erase", "purge", "flush", "switch"]
STATES: dict[StepKind, frozenset[ControllerState]] = {
    "expose": frozenset({S.EXPOSING, S.READOUT_PENDING, S.ACTIVE}),
    "read": frozenset({S.READING}),
    "fetch": frozenset({S.FETCHING}),
    "clear": frozenset({S.AUTOCLEAR}),
    "erase": frozenset({S.ERASING}),
    "purge": frozenset({S.PURGING}),
    "flush": frozenset({S.FLUSHING}),
    "switch": frozenset(),
}
"""Step -> the states that the controllers report meanwhile."""
NOT_IDLE = frozenset({S.EXPOSING, S.READING, S.FETCHING, S.ERASING, S.PURGING, S.FLUSHING})

EXPOSURE_STEPS: dict[ExposureMode, tuple[tuple[StepKind, ...], ...]] = {
    "single": (("expose", "read", "fetch"),),
    "first": (("expose", "read"),),
    "next": (("expose", "read"), ("fetch",)),
    "last": (("fetch",),),
}
"""Mode -> rows of steps. Rows are done at the same time, the steps of a row one after the other."""
MEMORY_IMAGES = 3
"""The images that the controllers' memory holds."""

STAGES: dict[str, tuple[tuple[CameraState, float], ...]] = {
    "restart": (("stopping", 2.0), ("stopped", 1.0), ("initializing", 5.0), ("initialized", 1.0), ("starting", 4.0)),
    "reboot": (("stopping", 2.0), ("stopped", 1.0), ("initializing", 25.0), ("initialized", 1.0), ("starting", 4.0)),
    "shutdown": (("stopping", 2.0),),
}
"""Command -> the states of the camera that follow, with their seconds. After `shutdown` the program ends."""

SWITCHES: dict[str, tuple[str, bool]] = {
    "power_on": ("power", True),
    "power_off": ("power", False),
    "vsub_on": ("vsub", True),
    "vsub_off": ("vsub", False),
    "autoclear_on": ("autoclear", True),
    "autoclear_off": ("autoclear", False),
    "autoflush_on": ("autoflush", True),
    "autoflush_off": ("autoflush", False),
    "open_shutter": ("shutter", True),
    "close_shutter": ("shutter", False),
}
"""Command -> what it switches, and how it is afterwards."""
NEED_POWER = frozenset({"expose", "clear", "erase", "purge", "flush", "clean", "vsub_on", "vsub_off"})

SHUTTER_S = 2.0
HEADER_S = 0.3
SWITCH_S = 0.5
ERASE_S = 8.0
PURGE_S = {False: 4.0, True: 1.0}
"""Fast or not -> seconds."""
FLUSH_S = {False: 1.0, True: 0.25}
LONGEST_EXPOSURE_S = 100_000.0
LONGEST_CLEAR_S = 86_400.0
MOST_CYCLES = 1000
COUNT = re.compile(r"[0-9]{1,4}")


class CommandFailed(Exception):
    """A command that the controller began but cannot do. The text is that of its reply, after `ERROR`."""


@dataclass(frozen=True, slots=True)
class Step:
    kind: StepKind
    seconds: float


@dataclass(frozen=True, slots=True)
class ExposureArguments:
    shutter: bool
    seconds: float
    file_root: str
    mode: ExposureMode

    @classmethod
    def of(cls, command: Command) -> ExposureArguments:
        """CommandFailed."""
        shutter, seconds, file_root, mode = command.arguments
        found = next((one for one in MODES if one == mode), None)
        if found is None:
            raise CommandFailed(f"unrecognized exposure mode [{mode}]; the modes are {', '.join(MODES)}")
        return cls(parse_flag(shutter), parse_number(seconds, LONGEST_EXPOSURE_S), file_root, found)


Row = tuple[Step, ...]


def plan_command(command: Command, options: SimulatorOptions) -> tuple[Row, ...]:
    """What the controllers do for it, with the seconds of a real controller. CommandFailed for bad arguments."""
    if command.name == "expose":
        return plan_exposure(ExposureArguments.of(command), options)
    if command.name in PLANS:
        return (PLANS[command.name](*command.arguments),)
    return ((FIXED_STEPS[command.name],),)


def plan_exposure(arguments: ExposureArguments, options: SimulatorOptions) -> tuple[Row, ...]:
    seconds = {"expose": arguments.seconds, "read": options.readout_s, "fetch": options.fetch_s}
    return tuple(tuple(Step(kind, seconds[kind]) for kind in row) for row in EXPOSURE_STEPS[arguments.mode])


def plan_clear(seconds: str) -> Row:
    return (Step("clear", parse_number(seconds, LONGEST_CLEAR_S)),)


def plan_purge(fast: str) -> Row:
    return (Step("purge", PURGE_S[parse_flag(fast)]),)


def plan_flush(fast: str, count: str) -> Row:
    return (Step("flush", FLUSH_S[parse_flag(fast)] * parse_count(count)),)


def plan_clean(erase: str, cycles: str, flush_count: str, fast: str) -> Row:
    erases, is_fast = parse_flag(erase), parse_flag(fast)
    return (
        Step("erase", ERASE_S if erases else 0.0),
        Step("purge", PURGE_S[is_fast] * parse_count(cycles)),
        Step("flush", FLUSH_S[is_fast] * parse_count(flush_count)),
    )


PLANS: dict[str, Callable[..., Row]] = {
    "clear": plan_clear,
    "purge": plan_purge,
    "flush": plan_flush,
    "clean": plan_clean,
}
"""Command -> what its arguments make of it. CommandFailed."""
FIXED_STEPS: dict[str, Step] = {
    **dict.fromkeys(SWITCHES, Step("switch", SWITCH_S)),
    "open_shutter": Step("switch", SHUTTER_S),
    "close_shutter": Step("switch", SHUTTER_S),
    "header": Step("switch", HEADER_S),
    "erase": Step("erase", ERASE_S),
}


def parse_flag(text: str) -> bool:
    """CommandFailed."""
    flags = {"true": True, "false": False}
    if text.lower() not in flags:
        raise CommandFailed(f"[{text}] is neither True nor False")
    return flags[text.lower()]


def parse_number(text: str, highest: float) -> float:
    """CommandFailed unless it is between 0 and `highest`."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= highest:
        raise CommandFailed(f"[{text}] is not a number of seconds between 0 and {highest:g}")
    return number


def parse_count(text: str) -> int:
    """CommandFailed."""
    if not COUNT.fullmatch(text) or int(text) > MOST_CYCLES:
        raise CommandFailed(f"[{text}] is not a whole number between 0 and {MOST_CYCLES}")
    return int(text)


class StepSequence:
    """The rows of one command. Times are those of one monotonic clock, in seconds. A step begins when the step before
    it should have ended, even if `end_due` is called later."""

    def __init__(self, rows: tuple[Row, ...], now: float, speed: float) -> None:
        self._speed = speed
        self._rows = [list(row) for row in rows]
        self._ends = [now + row[0].seconds / speed for row in rows]

    @property
    def has_ended(self) -> bool:
        return not self._rows

    @property
    def running(self) -> list[StepKind]:
        return [row[0].kind for row in self._rows]

    def states(self) -> frozenset[ControllerState]:
        return frozenset[ControllerState]().union(*(STATES[kind] for kind in self.running))

    def next_at(self, held: StepKind | None = None) -> float | None:
        """When the next step ends. Steps of the kind `held` do not end yet."""
        return min((end for row, end in zip(self._rows, self._ends, strict=True) if row[0].kind != held), default=None)

    def end_due(self, now: float, held: StepKind | None = None) -> tuple[StepKind, StepKind | None] | None:
        """End the step that is due first; returns it and the step that follows in its row. None if none is due."""
        next_at = self.next_at(held)
        if next_at is None or next_at > now:
            return None
        place = next(
            place for place, row in enumerate(self._rows) if self._ends[place] == next_at and row[0].kind != held
        )
        ended = self._rows[place].pop(0)
        if self._rows[place]:
            following = self._rows[place][0]
            self._ends[place] += following.seconds / self._speed
            return ended.kind, following.kind
        del self._rows[place], self._ends[place]
        return ended.kind, None
