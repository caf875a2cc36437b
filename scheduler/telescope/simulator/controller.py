"""The camera and its controllers: what they do, their states, their memory, their header words. No sockets here."""

from __future__ import annotations

from collections.abc import Callable, Generator

from scheduler.telescope.driver.clock import SocketClock
from scheduler.telescope.driver.protocol import FILE_ROOT, ExposureMode
from scheduler.telescope.driver.status import CameraState, ControllerState
from scheduler.telescope.simulator.images import SimulatedImage
from scheduler.telescope.simulator.options import SimulatorOptions
from scheduler.telescope.simulator.procedures import (
    MEMORY_IMAGES,
    NEED_POWER,
    NOT_IDLE,
    STAGES,
    SWITCHES,
    CommandFailed,
    ExposureArguments,
    StepKind,
    StepSequence,
    plan_command,
)
from scheduler.telescope.simulator.protocol import Command

MOST_WORDS = 100
"""MAX_FITS_WORDS of the scheduler."""
AT_START = {"power": True, "vsub": True, "autoclear": False, "autoflush": False, "shutter": False}
"""What is switched on when the controllers have started."""
WHEN_IDLE = {"autoclear": ControllerState.AUTOCLEAR, "autoflush": ControllerState.AUTOFLUSH}
"""What the controllers do while they do nothing else, if it is switched on."""
WITHOUT_STATUS: frozenset[CameraState] = frozenset({"stopped", "initializing"})
WriteImage = Callable[[SimulatedImage], Generator[None, None, None]]
"""Writes the files of an image, a part at each step. OSError."""


class ExposureMemory:
    """The images of the controllers: the one that is exposed and read, those that are read, and the one of them that is
    fetched."""

    def __init__(self) -> None:
        self.images: list[SimulatedImage] = []
        """Those that are read, the oldest first."""
        self._exposed: SimulatedImage | None = None
        self._fetched: SimulatedImage | None = None

    def check(self, mode: ExposureMode) -> None:
        """CommandFailed if an exposure of this mode is not possible now."""
        if mode in ("next", "last") and not self.images:
            raise CommandFailed(f"there is no image in memory for mode {mode} to fetch; begin with mode first")
        if mode != "last" and len(self.images) >= MEMORY_IMAGES:
            raise CommandFailed(f"the memory is full, it holds {MEMORY_IMAGES} images; fetch one with mode last")

    def expose(self, image: SimulatedImage) -> None:
        self._exposed = image

    def fetch(self, mode: ExposureMode) -> SimulatedImage:
        # `single` fetches what it exposed, though an older image may be in memory.
        self._fetched = self.images[-1 if mode == "single" else 0]
        return self._fetched

    def end_step(self, kind: StepKind) -> None:
        if kind == "read" and self._exposed is not None:
            self.images.append(self._exposed)
            self._exposed = None
        elif kind == "fetch" and self._fetched is not None:
            self.images.remove(self._fetched)
            self._fetched = None


class SimulatedController:
    """Executes one command at a time: `begin`, then `advance` until it is no longer busy; `error` has the outcome."""

    def __init__(self, options: SimulatorOptions, clock: SocketClock, write_image: WriteImage | None) -> None:
        self._options, self._clock, self._write_image = options, clock, write_image
        self._stages: list[tuple[CameraState, float]] = []
        self._stage_ends_at = 0.0
        self._ends_program = False
        self.images = 0
        """Exposed since the program started."""
        self._start()

    def _start(self) -> None:
        self.state: CameraState = "started"
        self.comment = "started"
        self.has_failed = False
        """Whether the last exposure failed: `error` of the status."""
        self.error = ""
        """Why the last command failed; empty if it did not."""
        self._switches = dict(AT_START)
        self._words: dict[str, str] = {}
        self._memory = ExposureMemory()
        self._exposure: ExposureArguments | None = None
        self._writing: Generator[None, None, None] | None = None
        self._steps = StepSequence((), 0.0, 1.0)

    @property
    def is_ready(self) -> bool:
        return not self._stages

    @property
    def is_busy(self) -> bool:
        """Whether a command is being executed."""
        return not self._steps.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether it has shut down."""
        return self._ends_program and self.is_ready

    @property
    def has_work(self) -> bool:
        """Whether `do_work` has a file to write."""
        return self._writing is not None

    @property
    def next_at(self) -> float | None:
        """The time of the clock at which something changes; None while nothing will."""
        return self._stage_ends_at if self._stages else self._steps.next_at(self._held)

    @property
    def _held(self) -> StepKind | None:
        """The step that does not end before the files are written."""
        return "fetch" if self.has_work else None

    def states(self) -> frozenset[ControllerState]:
        if self.state in WITHOUT_STATUS:
            return frozenset({ControllerState.NOSTATUS})
        found = self._steps.states() | {
            ControllerState.POWERON if self._switches["power"] else ControllerState.POWEROFF
        }
        if self._memory.images:
            found |= {ControllerState.FETCH_PENDING}
        if found & NOT_IDLE:
            return found
        return found | {ControllerState.IDLE} | {state for name, state in WHEN_IDLE.items() if self._switches[name]}

    def begin(self, command: Command) -> None:
        """CommandFailed if the camera cannot do it now, or an argument has a wrong value."""
        if not self.is_ready:
            raise CommandFailed(f"the camera is {self.state}; wait until its state is started")
        if command.name in STAGES:
            self._begin_stages(command.name)
            return
        self.error, self._exposure = "", None
        try:
            self._check(command)
            rows = plan_command(command, self._options)
        except CommandFailed as error:
            if command.name == "expose":
                self._end_exposure(str(error))
            raise
        if command.name == "expose":
            self._begin_exposure(ExposureArguments.of(command))
        elif command.name == "header":
            self._words[command.arguments[0]] = command.arguments[1]
        elif command.name in SWITCHES:
            name, value = SWITCHES[command.name]
            self._switches[name] = value
        self._steps = StepSequence(rows, self._clock.monotonic(), self._options.speed)
        for kind in self._steps.running:
            self._begin_step(kind)

    def advance(self) -> None:
        """Do what is due."""
        while self._stages and self._stage_ends_at <= self._clock.monotonic():
            self._end_stage()
        while change := self._steps.end_due(self._clock.monotonic(), self._held):
            ended, following = change
            self._memory.end_step(ended)
            if following is not None:
                self._begin_step(following)
            if self._steps.has_ended and self._exposure is not None:
                self._end_exposure(self.error)

    def do_work(self) -> None:
        """Write a part of a file."""
        assert self._writing is not None
        try:
            next(self._writing)
        except StopIteration:
            self._writing = None
        except OSError as error:
            self._writing = None
            self.error = f"the image cannot be written: {error.strerror or error}"

    def abandon_work(self) -> None:
        """A file that is not complete is removed."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _begin_stages(self, name: str) -> None:
        self._stages = list(STAGES[name])
        self._ends_program = name == "shutdown"
        self._stage_ends_at = self._clock.monotonic()
        self._begin_stage()

    def _begin_stage(self) -> None:
        self.state, seconds = self._stages[0]
        self.comment = self.state
        self._stage_ends_at += self._options.scaled_s(seconds)

    def _end_stage(self) -> None:
        del self._stages[0]
        if self._stages:
            self._begin_stage()
        elif self._ends_program:
            self.state = self.comment = "stopped"
        else:
            self._start()

    def _check(self, command: Command) -> None:
        if command.name in NEED_POWER and not self._switches["power"]:
            raise CommandFailed("the bias power is off; send power_on first")
        if command.name == "header" and command.arguments[0] not in self._words and len(self._words) >= MOST_WORDS:
            raise CommandFailed(f"the header has {MOST_WORDS} words already, which is the most")
        if command.name == "expose":
            arguments = ExposureArguments.of(command)
            if not FILE_ROOT.fullmatch(arguments.file_root):
                raise CommandFailed(
                    f"[{arguments.file_root}] is no root of a file name: letters, digits, . - _, at most 64"
                )
            self._memory.check(arguments.mode)

    def _begin_exposure(self, arguments: ExposureArguments) -> None:
        self._exposure = arguments
        self.state, self.comment = "exposing", f"expo_mode {arguments.mode}"
        if arguments.mode == "last":
            return
        self.images += 1
        # The words of the next exposure may come while this one is in memory.
        words, self._words = self._words, {}
        self._memory.expose(SimulatedImage(
            self.images, arguments.file_root, arguments.shutter, arguments.seconds, self._clock.wall_ns(), words
        ))  # fmt: skip

    def _begin_step(self, kind: StepKind) -> None:
        if kind != "fetch":
            return
        assert self._exposure is not None
        image = self._memory.fetch(self._exposure.mode)
        if self._write_image is not None:
            self._writing = self._write_image(image)

    def _end_exposure(self, error: str) -> None:
        self.state, self.has_failed, self._exposure = "done exposing", bool(error), None
        if error:
            self.comment = error
