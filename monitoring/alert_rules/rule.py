"""A rule, and when its alert opens and closes. Pure and Django-free: times are arguments, in seconds of one monotonic
clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import translate
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from monitoring.alert_rules.kinds import RULE_KINDS, RuleKind


class Phase(StrEnum):
    INACTIVE = "inactive"
    PENDING = "pending"
    """The value is beyond the threshold, but not yet for long enough."""
    FIRING = "firing"
    CLEARING = "clearing"
    """Firing; the value is clear, but not yet for long enough."""


class Judgement(StrEnum):
    BEYOND = "beyond"
    BETWEEN = "between"
    """Neither beyond the threshold nor clear."""
    CLEAR = "clear"
    UNKNOWN = "unknown"


MOVES: dict[tuple[Phase, Judgement], Phase] = {
    (Phase.INACTIVE, Judgement.BEYOND): Phase.PENDING,
    (Phase.PENDING, Judgement.BETWEEN): Phase.INACTIVE,
    (Phase.PENDING, Judgement.CLEAR): Phase.INACTIVE,
    (Phase.FIRING, Judgement.CLEAR): Phase.CLEARING,
    (Phase.CLEARING, Judgement.BEYOND): Phase.FIRING,
    (Phase.CLEARING, Judgement.BETWEEN): Phase.FIRING,
}
"""What is missing leaves the phase as it is: an unknown value neither opens nor closes an alert."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`clear` is the value that closes the alert again (hysteresis); the threshold if None."""

    name: str
    kind: str
    subject: str
    """Which subjects it concerns: `*` and `?` are wildcards."""
    threshold: float
    clear: float | None = None
    for_s: float = 0.0
    clear_for_s: float = 0.0
    severity: str = "warning"
    label: str = ""

    @property
    def rule_kind(self) -> RuleKind:
        return RULE_KINDS[self.kind]

    def concerns(self, subject: str) -> bool:
        return concerns(self.subject, subject)


def concerns(pattern: str, subject: str) -> bool:
    """`*` and `?` are wildcards. A pattern also concerns all that a subject has after it and a colon: `balcony` is
    `balcony:*`, and `balcony:probe` is both its temperature and its humidity."""
    return matches(pattern, subject) or matches(f"{pattern}:*", subject)


def matches(pattern: str, text: str) -> bool:
    """Only `*` and `?` are wildcards: a folder may have brackets in its name."""
    if "*" not in pattern and "?" not in pattern:
        return text == pattern
    return _compiled(pattern).match(text) is not None


# Larger than the number of rules and windows: `fnmatchcase` keeps 256, and would compile each of 1,000 rules again for
# each subject.
@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))


class Signal(NamedTuple):
    """What a host knows of one subject now. `value` is None while it is unknown."""

    name: str
    subject: str
    value: float | None
    unit: str = ""
    camera: tuple[str, str] | None = None
    """UUID and slug, if the subject is a camera or a part of one. The UUID is empty if it is not known."""
    is_at_least: bool = False
    """The value may be greater: what was before the start of this process is not known to it."""
    detail: str = ""
    """Sentences about the cause and what to do, for the kinds whose sentence has them."""


# A tuple, because a frozen dataclass takes three times as long to make: many may change at once.
class RuleState(NamedTuple):
    phase: Phase = Phase.INACTIVE
    since: float = 0.0
    """When the phase began; of CLEARING, when the value became clear."""
    beyond_since: float = 0.0
    """When the value went beyond the threshold, for the sentence."""

    @property
    def is_open(self) -> bool:
        return self.phase is Phase.FIRING or self.phase is Phase.CLEARING


def judge(rule: Rule, value: float | None) -> Judgement:
    if value is None or not isfinite(value):
        return Judgement.UNKNOWN
    clear = rule.threshold if rule.clear is None else rule.clear
    # Mirrored, `below` is `above`.
    sign = 1.0 if rule.rule_kind.comparison == "above" else -1.0
    if sign * value > sign * rule.threshold:
        return Judgement.BEYOND
    return Judgement.CLEAR if sign * value <= sign * clear else Judgement.BETWEEN


def evaluate(rule: Rule, state: RuleState, value: float | None, now: float) -> RuleState:
    """The state after this value."""
    judgement = judge(rule, value)
    phase = MOVES.get((state.phase, judgement), state.phase)
    if phase != state.phase:
        begins = phase == Phase.PENDING
        state = RuleState(phase, now, now if begins else state.beyond_since)
    # A value that is not known now has not lasted.
    if phase == Phase.PENDING and judgement == Judgement.BEYOND and now - state.since >= rule.for_s:
        return RuleState(Phase.FIRING, now, state.beyond_since)
    if phase == Phase.CLEARING and judgement == Judgement.CLEAR and now - state.since >= rule.clear_for_s:
        return RuleState(Phase.INACTIVE, now)
    return state
