"""Evaluates a rule over values of the past, by the same `evaluate` as now. Pure and Django-free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from monitoring.alert_rules.rule import Judgement, Phase, Rule, RuleState, evaluate, judge


class Sample(NamedTuple):
    """`value` is valid from `at_s`, in seconds since 1970, until the next sample. `after_gap`: no one measured
    before."""

    at_s: float
    value: float | None
    after_gap: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert that would have been open. `end` is None while it still would be. `extreme` is the value farthest beyond
    the threshold, if it has one."""

    subject: str
    begin: datetime
    end: datetime | None = None
    extreme: float | None = None


SETTLED = {
    (Phase.INACTIVE, Judgement.CLEAR),
    (Phase.INACTIVE, Judgement.BETWEEN),
    (Phase.INACTIVE, Judgement.UNKNOWN),
    (Phase.FIRING, Judgement.BEYOND),
    (Phase.FIRING, Judgement.BETWEEN),
    (Phase.FIRING, Judgement.UNKNOWN),
}
"""Phases that a value of this judgement does not change. Almost all values of a week are of these."""


def replay(rule: Rule, subject: str, samples: Iterable[Sample], end_s: float) -> Iterator[Opening]:
    """The openings of one subject until `end_s`, in their order."""
    replayed = _Replay(rule, subject)
    for sample in samples:
        yield from replayed.replay_sample(sample)
    yield from replayed.end(end_s)


class _Replay:
    def __init__(self, rule: Rule, subject: str) -> None:
        self._rule, self._subject = rule, subject
        self._state = RuleState()
        self._value: float | None = None
        """The value since the last sample."""
        self._extreme: float | None = None
        self._opened_s = 0.0
        self._sign = 1.0 if rule.rule_kind.comparison == "above" else -1.0

    def replay_sample(self, sample: Sample) -> Iterator[Opening]:
        if sample.after_gap:
            if self._state.phase == Phase.PENDING:
                self._state = RuleState()
        else:
            yield from self._time_passed(sample.at_s)
        self._value = sample.value
        if (self._state.phase, judge(self._rule, sample.value)) not in SETTLED:
            yield from self._evaluate(sample.at_s)
        if self._state.phase != Phase.INACTIVE:
            self._note_extreme(sample.value)

    def end(self, end_s: float) -> Iterator[Opening]:
        yield from self._time_passed(end_s)
        if self._state.is_open:
            yield self._opening(None)

    def _time_passed(self, until_s: float) -> Iterator[Opening]:
        """The rule is evaluated all the time, so that the last value opens or closes the alert between two samples."""
        lasts_s = {Phase.PENDING: self._rule.for_s, Phase.CLEARING: self._rule.clear_for_s}.get(self._state.phase)
        if lasts_s is not None and self._state.since + lasts_s < until_s:
            yield from self._evaluate(self._state.since + lasts_s)

    def _evaluate(self, at_s: float) -> Iterator[Opening]:
        before, self._state = self._state, evaluate(self._rule, self._state, self._value, at_s)
        if before.is_open and not self._state.is_open:
            yield self._opening(at_s)
        if self._state.is_open and not before.is_open:
            self._opened_s = at_s
        if before.phase == Phase.INACTIVE:
            self._extreme = None

    def _note_extreme(self, value: float | None) -> None:
        if value is not None and (self._extreme is None or self._sign * value > self._sign * self._extreme):
            self._extreme = value

    def _opening(self, end_s: float | None) -> Opening:
        end = None if end_s is None else datetime.fromtimestamp(end_s, UTC)
        extreme = None if self._rule.rule_kind.fixed is not None else self._extreme
        return Opening(self._subject, datetime.fromtimestamp(self._opened_s, UTC), end, extreme)
