"""`PeriodicTask`: an entry of the table of periodic work. `Work`: periodic work that remembers something from one run
to the next. The settings of Django import this module."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Owner(StrEnum):
    """Who does the work."""

    HOST = "each host"
    """For what is its own."""
    STATION = "one in the station"
    """Beat sends it while its machine owns the station's periodic work, and one jobs part takes it."""
    PROCESS = "each process"


class Start(StrEnum):
    """What starts the thread."""

    RUNNER = "runner"
    """`PartTasks` of the part, with `work` a function without arguments or a class of `Work`."""
    FACTORY = "factory"
    """`PartTasks`, but `work` makes the thread itself: a function from a host to an object with `start` and `stop`."""
    PART = "part"
    """The part, in the order that its objects need: an object of the class `work` has a `PeriodicThread` of this
    name."""
    BEAT = "beat"
    """Celery: the name is that of the Celery task at `work`."""


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """`what` it does, and what it costs when it is `late`, are for the page Status."""

    name: str
    """Of its thread, and of its errors in `skycam_background_failures_total`."""
    interval_s: float | None
    """From the end of one run to the next; None where a setting says it."""
    owner: Owner
    part: str
    """Whose process does it; empty for each that has tasks."""
    what: str
    late: str
    work: str
    """Dotted path of the function or class that does it."""
    start: Start = Start.RUNNER
    has_gate: bool = False
    """Whether it works at the end of an interval only if a table that it reads has changed."""
    may_take_s: float = 60.0
    """A run that takes longer is late."""
    beat: str = ""
    """Its key in the schedule of beat."""

    @property
    def fixed_interval_s(self) -> float:
        """ValueError if a setting says it."""
        if self.interval_s is None:
            raise ValueError(f"The interval of the task {self.name} is a setting: pass it.")
        return self.interval_s


class Control(Protocol):
    """What work may ask of its thread."""

    def is_stopping(self) -> bool: ...

    def pause(self, seconds: float) -> None: ...


class Unstopped:
    """The control of work that is called without a thread: it never stops, and pauses are skipped."""

    def is_stopping(self) -> bool:
        return False

    def pause(self, seconds: float) -> None:
        pass


class Work:
    """Work that remembers something from one run to the next. A part makes it once, with the name of its host."""

    interval_s: float | None = None
    """None: that of the table."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.control: Control = Unstopped()

    def is_wanted(self) -> bool:
        """Whether the configuration wants it."""
        return True

    def run(self) -> float | None:
        """May return other seconds until the next run."""
        raise NotImplementedError

    def end(self) -> None:
        """Called once, after the last run."""

    def note_failure(self, error: Exception) -> None:
        """Called after an error, which is logged and counted already. It must raise none."""
