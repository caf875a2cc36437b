"""What each command makes the controllers do, as tables: steps with their states and their seconds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from scheduler.telescope.driver.commands import MODES, ExposureMode
from scheduler.telescope.driver.states import CameraState, ControllerState
from scheduler.telescope.simulator.command_lines import Command
from scheduler.telescope.simulator.options import SimulatorOptions

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
