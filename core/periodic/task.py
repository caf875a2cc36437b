"""`PeriodicTask`: an entry of the table of periodic work. The settings of Django import it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
