"""What goes wrong in a simulated night: when it begins and ends, and the reasons that its losses may have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller
from typing import Any


class Killed(BaseException):
    """The camera process ends at this point. `off_s`: how many seconds the machine is off."""

    def __init__(self, reason: str = "", message: str = "", off_s: float = 0.0) -> None:
        super().__init__(reason)
        self.off_s = off_s
        self.decided = {"reason": reason, "message": message} if reason else None
        """What the Supervisor knows of its end."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`begin` and `end` get the `SimulatedNight`."""

    begin: Callable[[Any], object]
    reasons: frozenset[str] = frozenset()
    """Of the captures that it costs; none for a fault that must cost nothing."""
    lasts_s: float = 0.0
    end: Callable[[Any], object] = lambda night: None


UNSAFE = frozenset({"unsafe"})
FAULTS: dict[str, Fault] = {
    "killed process": Fault(methodcaller("kill"), frozenset({"interrupted"})),
    "crashed process": Fault(methodcaller("crash"), frozenset({"camera_crashed"})),
    "hung camera": Fault(methodcaller("hang_next"), frozenset({"camera_hung"}), 60.0),
    "unplugged camera": Fault(methodcaller("unplug"), frozenset({"camera_unreachable"}), 600.0, methodcaller("plug")),
    "full disk": Fault(methodcaller("fill_disk"), frozenset({"disk_full"}), 600.0, methodcaller("empty_disk")),
    "power cut": Fault(methodcaller("cut_power", 300.0), frozenset({"interrupted", "clock"}), 300.0),
    "wrong clock": Fault(methodcaller("jump", 5400.0), frozenset(), 1200.0, methodcaller("jump_back", 5400.0)),
    "rain": Fault(methodcaller("rain", 4.0), UNSAFE, 600.0, methodcaller("rain", 0.0)),
    "silent host": Fault(methodcaller("silence_host", True), UNSAFE, 300.0, methodcaller("silence_host", False)),
    "database away": Fault(methodcaller("lose_database"), frozenset(), 3600.0, methodcaller("find_database")),
}
