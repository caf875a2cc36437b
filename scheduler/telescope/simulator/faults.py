"""Faults of a controller, which a program or the command line arms."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

PortName = Literal["command", "status"]
FaultKind: TypeAlias = Literal[
    "no-answer", "half", "slow", "error", "drop", "garbage", "wrong-date", "frozen-status", "refuse"
]
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass(frozen=True, slots=True)
class Fault:
    ports: frozenset[PortName]
    executes: bool
    """Whether the command is executed all the same."""
    effect: str


BOTH: frozenset[PortName] = frozenset({"command", "status"})
COMMANDS: frozenset[PortName] = frozenset({"command"})
STATUS: frozenset[PortName] = frozenset({"status"})

FAULTS: dict[FaultKind, Fault] = {
    "no-answer": Fault(COMMANDS, True, "the command is executed, and never answered"),
    "half": Fault(BOTH, True, "the first half of the reply, without its newline"),
    "slow": Fault(BOTH, True, "the reply comes byte by byte"),
    "error": Fault(COMMANDS, False, "the command is not executed; the reply is ERROR simulated fault"),
    "drop": Fault(COMMANDS, False, "the command is not executed, and the connection is closed without a reply"),
    "garbage": Fault(BOTH, True, "random bytes instead of the reply"),
    "wrong-date": Fault(BOTH, True, "the date in a status is that of 1970"),
    "frozen-status": Fault(STATUS, True, "the status port accepts a connection and never answers"),
    "refuse": Fault(BOTH, False, "both ports refuse connections; the number is of seconds"),
}
"""Kind -> the ports that it can strike, and its effect. A number is of replies, except that of `refuse`."""
MOST = 1_000_000


@dataclass(slots=True)
class Armed:
    left: int | None
    """Replies, or seconds of `refuse`; None: until it is disarmed."""
    probability: float


class Faults:
    """The armed faults. Threads may arm and disarm while the simulator runs."""

    def __init__(self, seed: int, changed: Callable[[], None]) -> None:
        self._random, self._changed = random.Random(seed), changed
        self._lock = threading.Lock()
        """Of `_armed`."""
        self._armed: dict[FaultKind, Armed] = {}

    def arm(self, kind: FaultKind, count: int | None = None, probability: float = 1.0) -> None:
        """For the next `count` replies, or always; `refuse` for `count` seconds. ValueError for what no fault has."""
        if kind not in FAULTS:
            raise ValueError(f"{kind!r} is no fault; the faults are {', '.join(FAULTS)}.")
        if count is not None and not 1 <= count <= MOST:
            raise ValueError(f"The fault {kind} cannot have the count {count}; allowed is 1 to {MOST}.")
        if not 0 < probability <= 1:
            raise ValueError(
                f"The fault {kind} cannot have the probability {probability:g}; allowed is above 0 up to 1."
            )
        with self._lock:
            self._armed[kind] = Armed(count, probability)
        self._changed()

    def disarm(self, kind: FaultKind) -> None:
        with self._lock:
            self._armed.pop(kind, None)
        self._changed()

    def draw(self, port: PortName, *, has_date: bool) -> FaultKind | None:
        """The fault of the next reply on the port. `has_date`: whether the reply is a status."""
        excluded = {"refuse"} if has_date else {"refuse", "wrong-date"}
        candidates = [kind for kind in KINDS if port in FAULTS[kind].ports and kind not in excluded]
        with self._lock:
            return next((kind for kind in candidates if self._strikes(kind)), None)

    def begin_refusal(self) -> float:
        """The seconds for which both ports refuse connections from now on: 0 if `refuse` is not armed, infinite as long
        as it is armed without a number."""
        with self._lock:
            armed = self._armed.get("refuse")
            if armed is None or armed.left is None:
                return 0.0 if armed is None else math.inf
            del self._armed["refuse"]
            return float(armed.left)

    def garbage(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def _strikes(self, kind: FaultKind) -> bool:
        armed = self._armed.get(kind)
        if armed is None or self._random.random() >= armed.probability:
            return False
        if armed.left is not None:
            armed.left -= 1
            if armed.left == 0:
                del self._armed[kind]
        return True


def parse_fault(text: str) -> tuple[FaultKind, int | None, float]:
    """`KIND`, `KIND:3` (a count) or `KIND:0.1` (a probability) as arguments of `arm`. ValueError."""
    name, colon, number = text.partition(":")
    kind = next((one for one in KINDS if one == name), None)
    if kind is None:
        raise ValueError(f"{name!r} is no fault; the faults are {', '.join(KINDS)}.")
    try:
        if not colon:
            return kind, None, 1.0
        return (kind, None, float(number)) if "." in number else (kind, int(number), 1.0)
    except ValueError:
        raise ValueError(f"{number!r} is neither a count, such as 3, nor a probability, such as 0.1.") from None
