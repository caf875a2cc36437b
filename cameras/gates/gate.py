"""The rules of a gate, when it opens and closes, and its state as a camera host sends it to its camera processes and
publishes it. Pure: the time is an argument. Django-free. A gate is closed by a value beyond an unsafe limit, and
opened again by one that is not beyond the safe limit. Between the two limits it stays as it is. A value has to last
for a minimum time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Self, TypedDict

LONGEST_VALUE = 40
"""Characters of a value that are shown."""
Safety = Literal["safe", "unsafe", "between", "unknown"]
Limit = float | str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source gave: a value, or None and a sentence that says why it is unknown."""

    value: float | str | None
    error: str = ""


NO_READING = Reading(None, "There is no reading yet.")


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules. Numbers are compared with the limits, words with the lists; at least one of them is set."""

    name: str
    unsafe_above: float | None = None
    unsafe_below: float | None = None
    safe_below: float | None = None
    """A closed gate opens at or below it; None: at or below `unsafe_above`."""
    safe_above: float | None = None
    """A closed gate opens at or above it; None: at or above `unsafe_below`."""
    safe_values: tuple[str, ...] = ()
    unsafe_values: tuple[str, ...] = ()
    unsafe_for_s: float = 0.0
    safe_for_s: float = 60.0
    unknown_is_safe: bool = False

    @property
    def has_limits(self) -> bool:
        return self.unsafe_above is not None or self.unsafe_below is not None

    @property
    def safe_range(self) -> tuple[float | None, float | None]:
        """The least and the greatest number that open a closed gate; None where there is no such limit."""
        # `is None` and not `or`: a limit of 0 is a limit.
        bottom = self.unsafe_below if self.safe_above is None else self.safe_above
        top = self.unsafe_above if self.safe_below is None else self.safe_below
        return bottom, top

    @property
    def opens(self) -> str:
        """What opens a closed gate, as the end of a sentence: `below 0.05 for 20 s`; a value at the limit opens it,
        too. Empty if no known value does."""
        bottom, top = (None if limit is None else format_number(limit) for limit in self.safe_range)
        ways = []
        if bottom is not None and top is not None:
            ways.append(f"between {bottom} and {top}")
        elif top is not None:
            ways.append(f"below {top}")
        elif bottom is not None:
            ways.append(f"above {bottom}")
        ways += [f"at {', '.join(self.safe_values)}"] if self.safe_values else []
        lasted = f" for {self.safe_for_s:g} s" if ways and self.safe_for_s else ""
        return " or ".join(ways) + lasted


@dataclass(frozen=True, slots=True)
class GateState:
    """Times are those of one monotonic clock, in seconds."""

    is_open: bool
    since: float
    """When it opened or closed."""
    value: float | str | None = None
    """The newest value; None while it is unknown."""
    limit: Limit = None
    sentence: str = ""
    """Why it is closed: about the last unsafe or unknown value. Empty while it is open."""
    contrary_since: float | None = None
    """Since when the values call for the other state without a break; None if they do not."""
    unknown_since: float | None = None

    @classmethod
    def initial(cls, gate: Gate, now: float) -> Self:
        """Before the first reading the value is unknown."""
        if gate.unknown_is_safe:
            return cls(is_open=True, since=now, unknown_since=now)
        return cls(is_open=False, since=now, sentence=_veto(gate, _unknown(NO_READING.error)), unknown_since=now)

    def status(self, gate: Gate, since: str) -> GateStatus:
        """`since`: the wall clock's time of `self.since`."""
        return GateStatus(
            name=gate.name,
            open=self.is_open,
            since=since,
            value=self.value,
            limit=self.limit,
            sentence=self.sentence,
            opens=gate.opens,
            unknown="safe" if gate.unknown_is_safe else "unsafe",
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the limits say of a value. `sentence` is about an unsafe or unknown value and ends without a full stop if it
    is part of a longer one."""

    safety: Safety
    value: float | str | None = None
    limit: Limit = None
    sentence: str = ""


def evaluate(gate: Gate, state: GateState, reading: Reading | None, now: float) -> GateState:
    """The state after this reading. A reading is valid until the next one: pass it again to let time pass, and None if
    there is no reading that still counts."""
    judged = judge(gate, reading or NO_READING)
    is_unknown = judged.safety == "unknown"
    safety = ("safe" if gate.unknown_is_safe else "unsafe") if is_unknown else judged.safety
    is_contrary = safety == ("unsafe" if state.is_open else "safe")
    contrary_since = (now if state.contrary_since is None else state.contrary_since) if is_contrary else None
    minimum_s = gate.unsafe_for_s if state.is_open else gate.safe_for_s
    unknown_since = (now if state.unknown_since is None else state.unknown_since) if is_unknown else None
    after = replace(state, value=judged.value, contrary_since=contrary_since, unknown_since=unknown_since)
    if contrary_since is not None and now - contrary_since >= minimum_s:
        after = replace(after, is_open=not state.is_open, since=now, contrary_since=None)
    if after.is_open:
        return replace(after, limit=None, sentence="")
    # Between the limits, and while a safe value has not lasted long enough, the last veto stays.
    return replace(after, limit=judged.limit, sentence=_veto(gate, judged.sentence)) if safety == "unsafe" else after


def judge(gate: Gate, reading: Reading) -> Judgement:
    """A value by the limits alone, whatever the gate's state is."""
    value = reading.value
    if value is None:
        return Judgement("unknown", sentence=_unknown(reading.error))
    if gate.safe_values or gate.unsafe_values:
        word = as_word(value)
        if word in gate.unsafe_values:
            limit = ", ".join(gate.unsafe_values)
            return Judgement("unsafe", word, limit, f"{word[:LONGEST_VALUE]} is an unsafe value.")
        if word in gate.safe_values:
            return Judgement("safe", word)
        if not gate.has_limits:
            return _judge_unlisted(gate, word[:LONGEST_VALUE])
    return _judge_number(gate, value)


def _judge_unlisted(gate: Gate, word: str) -> Judgement:
    if gate.unsafe_values:
        return Judgement("unknown", sentence=_unknown(f"{word or 'An empty value'} is in none of its lists."))
    limit = ", ".join(gate.safe_values)
    return Judgement("unsafe", word, limit, f"{word or 'an empty value'} is not a safe value ({limit}).")


def _judge_number(gate: Gate, value: float | str) -> Judgement:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        return Judgement("unknown", sentence=_unknown(f"{str(value)[:LONGEST_VALUE] or 'An empty text'} is no number."))
    shown = format_number(number)
    if gate.unsafe_above is not None and number > gate.unsafe_above:
        return Judgement("unsafe", number, gate.unsafe_above, f"{shown} is above {format_number(gate.unsafe_above)}.")
    if gate.unsafe_below is not None and number < gate.unsafe_below:
        return Judgement("unsafe", number, gate.unsafe_below, f"{shown} is below {format_number(gate.unsafe_below)}.")
    bottom, top = gate.safe_range
    is_safe = (top is None or number <= top) and (bottom is None or number >= bottom)
    return Judgement("safe" if is_safe else "between", number)


def _unknown(why: str) -> str:
    return f"its value is unknown. {why}".strip()


def _veto(gate: Gate, why: str) -> str:
    return f"The gate {gate.name} is closed: {why}"


def as_word(value: float | str) -> str:
    """How a value is compared with the lists: without spaces around it, in lower case; a number as it is shown."""
    return value.strip().casefold() if isinstance(value, str) else format_number(value)


def format_number(number: float) -> str:
    """Whole numbers with all their digits, others with six."""
    # A float: YAML and callers also give whole numbers.
    return f"{number:.0f}" if float(number).is_integer() and abs(number) < 1e15 else f"{number:.6g}"


LIFE_S = 30.0
"""Seconds for which a camera process believes what the host sent; then the values are unknown."""
Unknown = Literal["unsafe", "safe"]


class GateStatus(TypedDict):
    name: str
    open: bool
    since: str
    """When it opened or closed, or when its host began to evaluate it."""
    value: float | str | None
    """The newest value; None while it is unknown."""
    limit: float | str | None
    """Why it is closed: the limit that a value was beyond, or the words that were compared. None for an open gate, and
    for one that is closed because its value is unknown."""
    sentence: str
    """Why it is closed, with gate, value and limit; empty for an open gate."""
    opens: str
    """What opens it again while it is closed, such as `below 0.05 for 20 s`."""
    unknown: Unknown
    """What an unknown value counts as."""
